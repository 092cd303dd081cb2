{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='customer') }}
select customer, sum(price) as spent, count(*) as bookings
from {{ ref('paid_bookings') }}
group by customer
