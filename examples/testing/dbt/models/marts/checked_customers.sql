select customer, count(*) as bookings from {{ ref('stg_bookings') }} group by customer
