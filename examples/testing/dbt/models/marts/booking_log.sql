{{ config(materialized='incremental', incremental_strategy='append') }}
select booking_id, status, updated_at
from {{ ref('stg_bookings') }}
{% if is_incremental() %}
where updated_at > (select max(updated_at) from {{ this }})
{% endif %}
