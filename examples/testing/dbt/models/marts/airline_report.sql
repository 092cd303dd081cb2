{{ config(materialized='view', description='Revenue by airline.') }}
select airline, sum(revenue) as revenue, max(revenue_per_km) as best_per_km
from {{ ref('revenue_by_flight') }}
group by airline
