select flight_id, airline, origin, destination, distance_km from {{ ref('flights') }}
