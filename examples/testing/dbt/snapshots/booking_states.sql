{% snapshot booking_states %}
{{ config(unique_key='booking_id', strategy='check', check_cols=['status', 'price']) }}
select booking_id, status, price from {{ ref('stg_bookings') }}
{% endsnapshot %}
