select
    booking_id,
    flight_id,
    customer,
    cast(booked_on as date) as booked_on,
    cast(price as decimal(10, 2)) as price,
    status,
    updated_at
from {{ source('raw', 'bookings') }}
