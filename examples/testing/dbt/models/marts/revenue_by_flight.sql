{{ config(liquid_clustered_by='flight_id', grants={'select': ['account users']}) }}
select
    f.flight_id,
    f.airline,
    coalesce(sum(p.price), 0) as revenue,
    round(coalesce(sum(p.price), 0) / f.distance_km, 4) as revenue_per_km
from {{ ref('dim_flights') }} f
left join {{ ref('paid_bookings') }} p on p.flight_id = f.flight_id
group by f.flight_id, f.airline, f.distance_km
