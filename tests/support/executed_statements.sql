-- Statements that run on the tables of executed_tables.py, one a line; a line may begin with those that it needs.
-- A heading says what they write: `sink`, `made` (a table), `seen` (a view), or nothing.
-- writes nothing
SELECT id, upper(name) AS n, age + boss AS s FROM people WHERE city = 'rome'
SELECT * FROM people
SELECT p.* FROM people p
SELECT * EXCEPT (city, age) FROM people
SELECT * EXCEPT (name), concat(name, '!') AS name FROM people
SELECT p.* EXCEPT (id), o.amount FROM people p JOIN orders o ON p.id = o.pid
SELECT DISTINCT city FROM people
SELECT DISTINCT kind, price > 4 AS dear FROM things
SELECT id AS x, x * 2 AS y, y + age AS z FROM people
SELECT age AS id, id AS age FROM people
SELECT id AS age, age + 1 AS next FROM people
SELECT name AS n, upper(n) AS high FROM people WHERE length(name) > 2
SELECT coalesce(city, name) AS place, nvl(age, boss) AS number FROM people
SELECT CASE WHEN age > 30 THEN name ELSE city END AS v FROM people
SELECT CASE city WHEN 'rome' THEN age WHEN 'oslo' THEN boss ELSE id END AS v FROM people
SELECT if(age > 30, name, 'young') AS v, nullif(city, 'oslo') AS w FROM people
SELECT iff(boss IS NULL, name, city) AS v FROM people
SELECT age BETWEEN 20 AND boss * 20 AS v, name LIKE 'a%' AS w, city IN ('rome', name) AS x FROM people
SELECT year(day) AS y, date_add(day, amount) AS later, datediff(day, DATE'2024-01-01') AS days FROM orders
SELECT date_format(day, 'yyyy-MM') AS month, trunc(day, 'MM') AS first, CAST(day AS STRING) AS told FROM orders
SELECT cast(amount AS STRING) AS a, amount::DOUBLE AS b, try_cast(oid AS STRING) AS c FROM orders WHERE oid <> 105
SELECT substring(item, 2, 1) AS a, item || '-' || note AS b, replace(item, 'n', note) AS c FROM orders
SELECT greatest(amount, pid) AS g, least(amount, pid * 4) AS l, amount % 3 AS m, -amount AS n FROM orders
SELECT md5(name) AS m, sha2(city, 256) AS s FROM people
SELECT count(*) AS n FROM people
SELECT count(age) AS n, count(DISTINCT city) AS c FROM people
SELECT sum(amount) AS s, avg(amount) AS a, min(day) AS f, max(item) AS l FROM orders
SELECT city, count(*) AS n, max(age) AS oldest FROM people GROUP BY city
SELECT city, sum(age) AS s FROM people GROUP BY ALL
SELECT upper(city) AS c, min(name) AS f FROM people GROUP BY 1
SELECT city AS c, min(name) AS f FROM people GROUP BY c
SELECT item, sum(amount) AS s FROM orders GROUP BY item HAVING count(note) > 0
SELECT item, note, sum(amount) AS s FROM orders GROUP BY ROLLUP (item, note)
SELECT item, note, count(*) AS n FROM orders GROUP BY CUBE (item, note)
SELECT item, note, max(amount) AS s FROM orders GROUP BY GROUPING SETS ((item), (note), ())
SELECT sum(amount) FILTER (WHERE note = 'x') AS x, count(*) FILTER (WHERE day IS NULL) AS n FROM orders
SELECT count_if(amount > 4) AS big, sum(CASE WHEN note = 'x' THEN amount END) AS x FROM orders
SELECT max_by(name, age) AS oldest, min_by(city, id) AS first FROM people
SELECT array_sort(collect_list(name)) AS names, array_sort(collect_set(city)) AS cities FROM people
SELECT listagg(name, ',') WITHIN GROUP (ORDER BY id DESC) AS names FROM people
SELECT any_value(kind) AS k FROM things WHERE kind = 'paper' OR price = 6
SELECT bool_or(age > 70) AS old, bool_and(age > 26) AS grown FROM people
SELECT stddev(age) AS s, median(age) AS m FROM people
SELECT percentile_approx(amount, 0.5) AS p FROM orders
SELECT name, row_number() OVER (ORDER BY age, id) AS r FROM people
SELECT name, rank() OVER (PARTITION BY city ORDER BY age DESC) AS r FROM people
SELECT name, lag(age) OVER (ORDER BY id) AS before, lead(name, 2, city) OVER (ORDER BY id) AS after FROM people
SELECT oid, sum(amount) OVER (PARTITION BY item ORDER BY oid ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s FROM orders
SELECT oid, max(amount) OVER w AS m, min(day) OVER w AS d FROM orders WINDOW w AS (PARTITION BY note)
SELECT oid, first_value(item) OVER (PARTITION BY note ORDER BY oid) AS f FROM orders
SELECT oid, ntile(2) OVER (ORDER BY amount, oid) AS half, percent_rank() OVER (ORDER BY day) AS p FROM orders
SELECT item, amount FROM orders QUALIFY row_number() OVER (PARTITION BY item ORDER BY amount DESC, oid) = 1
SELECT item, sum(amount) AS s FROM orders GROUP BY item QUALIFY rank() OVER (ORDER BY sum(amount) DESC) <= 2
SELECT oid, row_number() OVER (ORDER BY amount, oid) AS r FROM orders QUALIFY r < 4
SELECT p.name, o.item FROM people p JOIN orders o ON p.id = o.pid
SELECT p.name, o.item FROM people p LEFT JOIN orders o ON p.id = o.pid AND o.amount > 4
SELECT p.name, o.item, o.amount FROM people p RIGHT JOIN orders o ON p.id = o.pid
SELECT p.name, o.item FROM people p FULL OUTER JOIN orders o ON p.id = o.pid
SELECT p.name, t.kind FROM people p CROSS JOIN things t WHERE t.price > p.id
SELECT p.name, o.item FROM people p, orders o WHERE p.id = o.pid
SELECT name FROM people LEFT SEMI JOIN orders ON id = pid
SELECT name FROM people p LEFT ANTI JOIN orders o ON p.id = o.pid
SELECT item, amount, price FROM orders JOIN things USING (item)
SELECT * FROM orders JOIN things USING (item)
SELECT item, oid, kind FROM orders LEFT JOIN things USING (item)
SELECT item, oid, kind FROM orders RIGHT JOIN things USING (item)
SELECT item, oid, kind FROM orders FULL JOIN things USING (item)
SELECT oid, price FROM orders NATURAL JOIN things
SELECT e.name, b.name AS boss FROM people e JOIN people b ON e.boss = b.id
SELECT e.name, b.name AS boss, c.city FROM people e JOIN people b ON e.boss = b.id LEFT JOIN people c ON b.boss = c.id
SELECT p.name, t.price * o.amount AS paid FROM people p JOIN orders o ON p.id = o.pid JOIN things t ON t.item = o.item
SELECT p.name, x.total FROM people p JOIN (SELECT pid, sum(amount) AS total FROM orders GROUP BY pid) x ON x.pid = p.id
SELECT name FROM people WHERE id IN (SELECT pid FROM orders WHERE amount > 4)
SELECT name FROM people WHERE id NOT IN (SELECT pid FROM orders WHERE pid IS NOT NULL)
SELECT name FROM people p WHERE EXISTS (SELECT 1 FROM orders o WHERE o.pid = p.id AND o.note = 'x')
SELECT name FROM people p WHERE NOT EXISTS (SELECT * FROM orders WHERE pid = p.id)
SELECT name, (SELECT max(amount) FROM orders) AS most FROM people
SELECT name, (SELECT sum(amount) FROM orders o WHERE o.pid = p.id) AS own FROM people p
SELECT name FROM people WHERE age > (SELECT avg(age) FROM people)
SELECT name, id IN (SELECT pid FROM orders) AS buys FROM people
SELECT name, EXISTS (SELECT 1 FROM orders WHERE pid = id) AS buys FROM people
WITH x AS (SELECT id, name FROM people WHERE age > 26) SELECT name FROM x
WITH x AS (SELECT id, name FROM people), y AS (SELECT name AS n, id * 2 AS i FROM x) SELECT n, i FROM y WHERE i > 4
WITH x(i, n) AS (SELECT id, name FROM people) SELECT n, i FROM x
WITH people AS (SELECT oid AS id, item AS name FROM orders) SELECT id, name FROM people
WITH people AS (SELECT id, city AS name FROM people) SELECT name FROM people WHERE id > 2
WITH x AS (SELECT id AS v FROM people) SELECT v FROM (WITH x AS (SELECT amount AS v FROM orders) SELECT v FROM x)
WITH x AS (SELECT 1 AS one) SELECT name, one FROM people, x
WITH x AS (WITH y AS (SELECT price AS v FROM things) SELECT v + 1 AS v FROM y) SELECT max(v) AS v FROM x
WITH RECURSIVE r(i, n) AS (SELECT id, 1 FROM people WHERE boss IS NULL UNION ALL SELECT p.id, n + 1 FROM people p JOIN r ON p.boss = r.i) SELECT i, n FROM r
SELECT n FROM (SELECT name AS n, age FROM people) WHERE age < 40
SELECT y.n FROM (SELECT x.n FROM (SELECT name AS n, id FROM people) x WHERE x.id > 1) y
SELECT name FROM people UNION SELECT item FROM things
SELECT id, name FROM people UNION ALL SELECT pid, item FROM orders
SELECT item FROM orders INTERSECT SELECT item FROM things
SELECT item FROM things EXCEPT SELECT item FROM orders
SELECT item FROM orders EXCEPT ALL SELECT item FROM things
SELECT item AS a, price AS b FROM things UNION BY NAME SELECT amount AS b, item AS a FROM orders
SELECT name FROM people UNION ALL SELECT item FROM orders UNION SELECT kind FROM things
(SELECT name AS n FROM people WHERE age > 30) UNION ALL (SELECT note FROM orders ORDER BY oid LIMIT 3)
SELECT n FROM (SELECT name AS n FROM people UNION ALL SELECT item FROM orders) WHERE n > 'c'
SELECT name FROM people ORDER BY age DESC, id LIMIT 3
SELECT name FROM people ORDER BY id LIMIT 2 OFFSET 1
SELECT name AS n, age AS a FROM people ORDER BY a, n LIMIT 3
SELECT tags[0] AS f, steps[0] + 1 AS s, size(tags) AS n FROM things
SELECT attrs['k'] AS k, map_keys(attrs) AS ks, map_values(attrs) AS vs FROM things
SELECT dims.w AS w, things.dims.h * 2 AS h, t.v FROM things, (SELECT max(dims.w) AS v FROM things) t
SELECT transform(steps, x -> x + price) AS v FROM things
SELECT filter(steps, s -> s > 2) AS v, exists(steps, s -> s > price) AS e FROM things
SELECT aggregate(steps, 0, (acc, x) -> acc + x) AS v FROM things
SELECT array_contains(tags, 'wet') AS w, array_join(tags, '-') AS j, element_at(steps, 1) AS e FROM things
SELECT array(price, dims.w) AS a, map(item, price) AS m, named_struct('p', price, 'i', item) AS s FROM things
SELECT struct(price, item) AS p FROM things
SELECT transform(steps, (x, i) -> x * i) AS v, transform(tags, item -> upper(item)) AS w FROM things
SELECT item, explode(tags) AS tag FROM things
SELECT item, tag FROM things LATERAL VIEW explode(tags) x AS tag
SELECT item, tag FROM things LATERAL VIEW OUTER explode(tags) x AS tag WHERE price > 2
SELECT item, k, v FROM things LATERAL VIEW explode(attrs) x AS k, v
SELECT item, p, s FROM things LATERAL VIEW posexplode(steps) x AS p, s
SELECT item, tag, step FROM things LATERAL VIEW explode(tags) x AS tag LATERAL VIEW explode(steps) y AS step
SELECT item, posexplode(steps) AS (p, s) FROM things
SELECT item, explode(attrs) AS (k, v) FROM things
SELECT t.item, e.col FROM things t, LATERAL explode(t.steps) e
SELECT p.name, x.most FROM people p, LATERAL (SELECT max(o.amount) AS most FROM orders o WHERE o.pid = p.id) x
SELECT p.name, x.n FROM people p LEFT JOIN LATERAL (SELECT o.item AS n FROM orders o WHERE o.pid = p.id) x ON true
SELECT * FROM (SELECT city, age FROM people) PIVOT (sum(age) FOR city IN ('rome' AS rome, 'oslo' AS oslo))
SELECT * FROM (SELECT item, note, amount FROM orders) PIVOT (sum(amount) FOR note IN ('x' AS x, 'y' AS y))
SELECT * FROM (SELECT item, note, amount, oid FROM orders) PIVOT (max(amount) AS m, min(oid) AS o FOR note IN ('x' AS x, 'y' AS y))
SELECT item, x FROM (SELECT item, note, amount FROM orders) PIVOT (count(amount) FOR note IN ('x' AS x, 'z' AS z)) WHERE x > 0
SELECT name, what, v FROM (SELECT name, age, boss FROM people) UNPIVOT (v FOR what IN (age, boss))
SELECT * FROM (SELECT oid, pid, amount FROM orders) UNPIVOT INCLUDE NULLS (v FOR what IN (pid AS p, amount AS a))
SELECT a, b FROM VALUES (1, 'x'), (2, 'y') AS v(a, b) JOIN people ON a = id
SELECT v.n, p.name FROM people p JOIN VALUES (1, 'one'), (2, 'two') AS v(i, n) ON v.i = p.id
SELECT name FROM people TABLESAMPLE (100 PERCENT)
SELECT first.name FROM (SELECT name FROM people) AS first
SELECT name AS `a b`, `age` AS `X.y` FROM `people`
SELECT NAME, Age FROM PEOPLE WHERE ID > 1
SELECT base.people.name FROM base.people
SELECT 1 AS one, 'x' AS two, current_user() AS me FROM people WHERE id = 1
FROM people |> WHERE age > 26 |> SELECT name, age + 1 AS a
FROM orders |> AGGREGATE sum(amount) AS s GROUP BY item |> WHERE s > 7
-- writes sink
INSERT INTO sink SELECT id, name, age, city FROM people
INSERT INTO sink (a, b) SELECT id, name FROM people WHERE age > 25
INSERT INTO sink (d, a) SELECT city, boss FROM people
INSERT INTO sink BY NAME SELECT age AS c, id AS a FROM people
INSERT INTO sink BY NAME SELECT name AS d, city AS b, age AS c, id AS a FROM people WHERE boss = 1
INSERT OVERWRITE sink SELECT oid, item, amount, note FROM orders
INSERT OVERWRITE TABLE sink BY NAME SELECT note AS b, oid AS a FROM orders
INSERT INTO sink REPLACE WHERE a = 5 SELECT 5, name, age, city FROM people
INSERT INTO sink WITH x AS (SELECT id, name FROM people) SELECT id, name, id + 1, name FROM x
WITH x AS (SELECT pid, count(*) AS n FROM orders GROUP BY pid) INSERT INTO sink (a, c) SELECT pid, n FROM x
INSERT INTO sink SELECT p.id, p.name, o.amount, o.item FROM people p JOIN orders o ON p.id = o.pid
INSERT INTO sink SELECT a + 10, upper(b), c, d FROM sink WHERE a < 5
INSERT INTO sink SELECT price, item, size(tags), kind FROM things UNION ALL SELECT id, name, age, city FROM people
INSERT INTO sink SELECT * FROM (SELECT id, name, boss, city FROM people)
INSERT INTO sink VALUES (7, 'seven', (SELECT max(amount) FROM orders), NULL)
MERGE INTO sink USING people ON sink.a = people.id WHEN MATCHED THEN UPDATE SET b = name
MERGE INTO sink USING people p ON sink.a = p.id WHEN MATCHED THEN UPDATE SET b = p.name, c = p.age WHEN NOT MATCHED THEN INSERT (a, b) VALUES (p.id, p.name)
MERGE INTO sink t USING (SELECT id AS a, name AS b, age AS c, city AS d FROM people) s ON t.a = s.a WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *
MERGE INTO sink t USING (SELECT id AS a, name AS b, age AS c, city AS d FROM people) s ON t.a = s.a WHEN NOT MATCHED THEN INSERT *
MERGE INTO sink t USING people s ON t.a = s.id WHEN MATCHED AND s.age > 30 THEN DELETE WHEN MATCHED THEN UPDATE SET t.c = s.age
MERGE INTO sink t USING people s ON t.a = s.id WHEN MATCHED THEN DELETE
MERGE INTO sink t USING people s ON t.a = s.id WHEN NOT MATCHED BY SOURCE THEN DELETE
MERGE INTO sink t USING people s ON t.a = s.id WHEN NOT MATCHED BY SOURCE AND t.c > 30 THEN UPDATE SET d = 'gone'
MERGE INTO sink t USING people s ON t.a = s.id WHEN MATCHED AND t.c < 15 THEN UPDATE SET b = concat(t.b, s.name) WHEN NOT MATCHED AND s.city = 'oslo' THEN INSERT (a, d) VALUES (s.id, s.city)
MERGE INTO sink t USING (SELECT pid, max(amount) AS m FROM orders WHERE pid IS NOT NULL GROUP BY pid) s ON t.a = s.pid WHEN MATCHED THEN UPDATE SET c = s.m + t.c
MERGE INTO sink t USING (WITH s AS (SELECT id, city FROM people WHERE age > 20) SELECT * FROM s) s ON t.a = s.id WHEN MATCHED THEN UPDATE SET d = s.city
UPDATE sink SET c = a + 1
UPDATE sink SET c = c * 2 WHERE a > 1
UPDATE sink SET b = d, d = b WHERE c > 10
UPDATE sink SET c = (SELECT max(age) FROM people)
UPDATE sink SET d = (SELECT max(name) FROM people p WHERE p.id = sink.a) WHERE b <> 'two'
UPDATE sink SET d = 'known' WHERE a IN (SELECT id FROM people WHERE city = 'rome')
UPDATE sink AS t SET t.b = upper(t.b) WHERE EXISTS (SELECT 1 FROM orders o WHERE o.pid = t.a)
UPDATE sink SET c = CASE WHEN d = 'p' THEN a ELSE c END
UPDATE sink SET c = DEFAULT WHERE a = 2
DELETE FROM sink WHERE a = 2
DELETE FROM sink WHERE a IN (SELECT id FROM people WHERE age > 24)
DELETE FROM sink t WHERE NOT EXISTS (SELECT 1 FROM people p WHERE p.id = t.a)
DELETE FROM sink WHERE c > (SELECT max(age) FROM people)
DELETE FROM sink
TRUNCATE TABLE sink
-- writes made
CREATE OR REPLACE TABLE made AS SELECT * FROM people
CREATE OR REPLACE TABLE made AS SELECT id, name AS n FROM people WHERE age > 25
CREATE OR REPLACE TABLE made AS WITH x AS (SELECT city, count(*) AS n FROM people GROUP BY city) SELECT * FROM x WHERE n > 1
CREATE OR REPLACE TABLE made AS SELECT item, sum(amount) AS total FROM orders GROUP BY item
CREATE OR REPLACE TABLE made USING DELTA PARTITIONED BY (city) COMMENT 'x' AS SELECT id, city FROM people
CREATE OR REPLACE TABLE made AS SELECT * FROM orders NATURAL JOIN things
CREATE OR REPLACE TABLE made AS SELECT p.*, o.* EXCEPT (pid) FROM people p LEFT JOIN orders o ON p.id = o.pid
CREATE OR REPLACE TABLE made AS SELECT * FROM (SELECT item, note, amount FROM orders) PIVOT (sum(amount) FOR note IN ('x' AS x, 'y' AS y))
CREATE OR REPLACE TABLE made AS SELECT name, row_number() OVER (PARTITION BY city ORDER BY id) AS r FROM people
CREATE OR REPLACE TABLE made AS SELECT id FROM people UNION ALL SELECT oid FROM orders
DROP TABLE IF EXISTS made; CREATE TABLE made DEEP CLONE orders
DROP TABLE IF EXISTS made; CREATE TABLE made SHALLOW CLONE people
CREATE TABLE IF NOT EXISTS gone (x INT); DROP TABLE gone; CREATE OR REPLACE TABLE made AS SELECT age AS x FROM people
CREATE OR REPLACE TABLE made (a INT, b STRING); INSERT INTO made SELECT id, name FROM people
CREATE OR REPLACE TABLE made (a INT, b STRING); INSERT INTO made (b) SELECT item FROM orders WHERE amount > 4
-- writes seen
CREATE OR REPLACE VIEW seen AS SELECT id, upper(name) AS n FROM people
CREATE OR REPLACE VIEW seen (i, n) AS SELECT id, name FROM people WHERE boss = 1
CREATE OR REPLACE VIEW seen (i COMMENT 'x', n) COMMENT 'y' AS SELECT oid, item FROM orders
CREATE OR REPLACE VIEW seen AS SELECT city, avg(age) AS a FROM people GROUP BY city
CREATE OR REPLACE VIEW seen AS SELECT * FROM orders JOIN things USING (item)
CREATE OR REPLACE VIEW seen AS WITH x AS (SELECT * FROM people) SELECT name, age FROM x ORDER BY age
-- writes nothing
CREATE OR REPLACE TEMPORARY VIEW old AS SELECT id, name FROM people WHERE age > 30; SELECT name FROM old
CREATE TEMPORARY VIEW v AS SELECT * FROM orders; SELECT item, sum(amount) AS s FROM v GROUP BY item
CREATE TEMP VIEW v (x, y) AS SELECT id, city FROM people; SELECT y, x + 1 AS z FROM v WHERE x > 2
CREATE TEMP VIEW people AS SELECT pid AS id, item AS name FROM orders; SELECT id, name FROM people
CREATE TEMP VIEW v AS SELECT item, price FROM things; CREATE TEMP VIEW w AS SELECT price * 2 AS p FROM v; SELECT p FROM w
CREATE TEMP VIEW v AS SELECT 1 AS x; CREATE OR REPLACE TEMP VIEW v AS SELECT age AS x FROM people; SELECT x FROM v
CREATE TEMP VIEW v AS SELECT id FROM people; SELECT o.item FROM orders o JOIN v ON v.id = o.pid
CREATE TEMP VIEW v AS SELECT name FROM people; DROP VIEW v; SELECT item FROM things
USE SCHEMA base; SELECT 1 AS one
-- writes sink
CREATE TEMP VIEW v AS SELECT id, name FROM people; INSERT INTO sink (a, b) SELECT id, name FROM v
INSERT INTO sink (a, c) VALUES (DEFAULT, (SELECT min(price) FROM things))
-- writes made
CREATE TEMP VIEW v AS SELECT age FROM people; CREATE OR REPLACE TABLE made AS SELECT max(age) AS m FROM v
