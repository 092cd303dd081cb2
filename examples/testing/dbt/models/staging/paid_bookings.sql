{{ config(materialized='ephemeral') }}
select booking_id, flight_id, customer, booked_on, price from {{ ref('stg_bookings') }} where status = 'paid'
