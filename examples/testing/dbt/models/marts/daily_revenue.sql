{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by='booked_on') }}
select booked_on, sum(price) as revenue, count(*) as bookings
from {{ ref('paid_bookings') }}
{% if is_incremental() %}
where booked_on >= (select max(booked_on) - interval 1 day from {{ this }})
{% endif %}
group by booked_on
