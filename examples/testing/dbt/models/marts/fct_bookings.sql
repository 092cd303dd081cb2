{{ config(materialized='incremental', incremental_strategy='merge', unique_key='booking_id') }}
select booking_id, flight_id, customer, booked_on, price, status, updated_at
from {{ ref('stg_bookings') }}
{% if is_incremental() %}
where updated_at > (select max(updated_at) from {{ this }})
{% endif %}
