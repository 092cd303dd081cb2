select b.booking_id
from {{ ref('fct_bookings') }} b
left join {{ ref('booking_log') }} l on l.booking_id = b.booking_id
where l.booking_id is null
