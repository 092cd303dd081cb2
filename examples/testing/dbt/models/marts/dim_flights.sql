{{ config(databricks_tags={'domain': 'network'}, tblproperties={'quality': 'gold'}) }}
select
    f.flight_id,
    f.airline,
    o.city as origin_city,
    d.city as destination_city,
    f.distance_km
from {{ ref('stg_flights') }} f
join {{ ref('airports') }} o on o.code = f.origin
join {{ ref('airports') }} d on d.code = f.destination
