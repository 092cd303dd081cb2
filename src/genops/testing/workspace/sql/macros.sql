-- What DuckDB lacks of Databricks SQL, as macros. A macro with several bodies is chosen by the types of its arguments,
-- so that DuckDB's own knowledge of types decides where the translation has none. DuckDB fits an argument into the type
-- that a body names, so the digits of a decimal would change: what takes decimals of unknown digits is refused.

CREATE MACRO dbx_refuse(what) AS
  error('[UNSUPPORTED_BY_LOCAL_WORKSPACE] The local workspace cannot run ' || what);
-- `error` has no type of its own, and an operation on it would be folded into a null.
CREATE MACRO dbx_refused_decimal() AS
  CAST(dbx_refuse('this with a decimal whose digits are not known beforehand') AS VARCHAR);
CREATE MACRO dbx_malformed(value, kind) AS
  error('[CAST_INVALID_INPUT] The value ''' || value || ''' of the type "STRING" cannot be cast to "' || kind ||
  '" because it is malformed. Correct the value as per the syntax, or change its target type. Use `try_cast` to ' ||
  'tolerate malformed input and return NULL instead.');
CREATE MACRO dbx_zero_index() AS
  error('[INVALID_INDEX_OF_ZERO] The index 0 is invalid. An index shall be either < 0 or > 0 (the first element has ' ||
  'index 1).');

-- Text. Java writes a double with at least one digit after the point, and with an exponent from 10^7 and below 10^-3.
CREATE MACRO dbx_scientific(digits, power) AS
  digits[1] || '.' || CASE WHEN length(digits) > 1 THEN digits[2:] ELSE '0' END || 'E' || CAST(power AS VARCHAR);
CREATE MACRO dbx_exponent(t) AS
  split_part(t, 'e', 1) || CASE WHEN contains(split_part(t, 'e', 1), '.') THEN '' ELSE '.0' END || 'E' ||
  CAST(CAST(split_part(t, 'e', 2) AS INTEGER) AS VARCHAR);
CREATE MACRO dbx_fraction(t) AS
  dbx_scientific(ltrim(t, '0'), length(ltrim(t, '0')) - length(t) - 1);
CREATE MACRO dbx_magnitude(t) AS
  CASE WHEN contains(t, 'e') THEN dbx_exponent(t)
  WHEN starts_with(t, '0.') THEN dbx_fraction(split_part(t, '.', 2))
  ELSE dbx_scientific(rtrim(replace(t, '.', ''), '0'), length(split_part(t, '.', 1)) - 1) END;
CREATE MACRO dbx_java(a) AS
  CASE WHEN isnan(a) THEN 'NaN' WHEN isinf(a) THEN CASE WHEN a > 0 THEN 'Infinity' ELSE '-Infinity' END
  WHEN a = 0 OR (abs(a) >= 0.001 AND abs(a) < 10000000) THEN CAST(a AS VARCHAR)
  ELSE CASE WHEN a < 0 THEN '-' ELSE '' END || dbx_magnitude(CAST(abs(a) AS VARCHAR)) END;
CREATE MACRO dbx_moment(a) AS
  rtrim(rtrim(strftime(CAST(a AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%f'), '0'), '.');
CREATE MACRO dbx_text
  (a VARCHAR) AS (a),
  (a BOOLEAN) AS (CAST(a AS VARCHAR)),
  (a TINYINT) AS (CAST(a AS VARCHAR)),
  (a SMALLINT) AS (CAST(a AS VARCHAR)),
  (a INTEGER) AS (CAST(a AS VARCHAR)),
  (a BIGINT) AS (CAST(a AS VARCHAR)),
  (a HUGEINT) AS (CAST(a AS VARCHAR)),
  (a DECIMAL(38,10)) AS (dbx_refused_decimal()),
  (a DOUBLE) AS (dbx_java(a)),
  (a FLOAT) AS (dbx_java(a)),
  (a DATE) AS (CAST(a AS VARCHAR)),
  (a TIMESTAMP) AS (dbx_moment(a)),
  (a TIMESTAMPTZ) AS (dbx_moment(a)),
  (a BLOB) AS (decode(a)),
  (a) AS (CASE WHEN typeof(a) = 'VARCHAR' THEN CAST(a AS VARCHAR) ELSE dbx_refuse('this value as text') END);
CREATE MACRO dbx_joinable
  (a BLOB) AS (CAST(dbx_refuse('|| of bytes whose type is not known') AS VARCHAR)),
  (a BOOLEAN) AS (CAST(a AS VARCHAR)),
  (a INTEGER) AS (CAST(a AS VARCHAR)),
  (a BIGINT) AS (CAST(a AS VARCHAR)),
  (a DECIMAL(38,10)) AS (dbx_refused_decimal()),
  (a DOUBLE) AS (dbx_java(a)),
  (a FLOAT) AS (dbx_java(a)),
  (a DATE) AS (CAST(a AS VARCHAR)),
  (a TIMESTAMP) AS (dbx_moment(a)),
  (a TIMESTAMPTZ) AS (dbx_moment(a)),
  (a VARCHAR) AS (a),
  (a) AS (a);

-- What a cast to a whole number starts from: a fraction is cut off, a text must be a whole number.
CREATE MACRO dbx_is_whole(a) AS
  regexp_matches(a, '^\s*[+-]?\d+\s*$');
CREATE MACRO dbx_whole
  (a DOUBLE) AS (trunc(a)),
  (a FLOAT) AS (trunc(a)),
  (a DECIMAL(38,10)) AS (trunc(a)),
  (a TIMESTAMPTZ) AS (floor(epoch(a))),
  (a VARCHAR) AS (CASE WHEN a IS NULL OR dbx_is_whole(a) THEN a ELSE dbx_malformed(a, 'BIGINT') END),
  (a TINYINT) AS (a),
  (a SMALLINT) AS (a),
  (a INTEGER) AS (a),
  (a BIGINT) AS (a),
  (a HUGEINT) AS (a),
  (a BOOLEAN) AS (a),
  (a) AS (a);
CREATE MACRO dbx_try_whole
  (a DOUBLE) AS (trunc(a)),
  (a FLOAT) AS (trunc(a)),
  (a DECIMAL(38,10)) AS (trunc(a)),
  (a VARCHAR) AS (CASE WHEN dbx_is_whole(a) THEN a END),
  (a TINYINT) AS (a),
  (a SMALLINT) AS (a),
  (a INTEGER) AS (a),
  (a BIGINT) AS (a),
  (a HUGEINT) AS (a),
  (a BOOLEAN) AS (a),
  (a) AS (a);

-- Dates and times from text: a year or a month alone is its first day.
CREATE MACRO dbx_is_date(a) AS
  regexp_matches(a, '^\s*\d{4}(-\d{1,2}(-\d{1,2}([ T].*)?)?)?\s*$');
CREATE MACRO dbx_is_time(a) AS
  regexp_matches(a, '^\s*\d{4}(-\d{1,2}(-\d{1,2}([ T]([01]?\d|2[0-3])(:[0-5]?\d(:[0-5]?\d(\.\d*)?)?)?\s*' ||
  '(Z|UTC|GMT|(UTC|GMT)?[+-]((0?\d|1[0-7])(:?[0-5]\d)?|18(:?00)?)|[A-Z][A-Za-z]+(/[A-Za-z_]+)+)?)?)?)?\s*$');
-- Words, years of more digits, hours without a day, and names of zones that Java knows and DuckDB may not.
CREATE MACRO dbx_other_time(a) AS
  regexp_matches(lower(a), '^\s*(epoch|now|today|yesterday|tomorrow|t?\d{1,2}:.*|[+-].*|\d{5,6}-.*|' ||
  '\d{4}-\d{1,2}-\d{1,2}[ t]\d{1,2}(:\d{1,2}){0,2}[.\d]*\s*([a-y]|[+-][\d:]{6}).*)\s*$');
CREATE MACRO dbx_refused_time(a) AS
  CAST(dbx_refuse('a cast of the text ''' || a || ''' to a date or a time') AS VARCHAR);
CREATE MACRO dbx_no_time(a, kind) AS
  CASE WHEN dbx_other_time(a) THEN dbx_refused_time(a) ELSE CAST(dbx_malformed(a, kind) AS VARCHAR) END;
CREATE MACRO dbx_day(a) AS
  trim(a) || CASE WHEN regexp_full_match(trim(a), '\d{4}') THEN '-01-01'
  WHEN regexp_full_match(trim(a), '\d{4}-\d{1,2}') THEN '-01' ELSE '' END;
CREATE MACRO dbx_clock(a) AS
  regexp_replace(regexp_extract(trim(a), '[ T](\d{1,2}(?::\d{1,2}(?::\d{1,2}(?:\.\d{0,6})?)?)?)', 1), '\.$', '');
CREATE MACRO dbx_local(a) AS
  CAST(regexp_replace(dbx_day(a), '[ T].*$', '') || ' ' || CASE WHEN dbx_clock(a) = '' THEN '00:00'
  WHEN contains(dbx_clock(a), ':') THEN dbx_clock(a) ELSE dbx_clock(a) || ':00' END AS TIMESTAMP);
CREATE MACRO dbx_zone(a) AS
  trim(regexp_replace(trim(a), '^[\d-]+([ T][\d:.]+)?', ''));
CREATE MACRO dbx_offset(z) AS
  CASE WHEN contains(z, '-') THEN -1 ELSE 1 END * (60 * CAST(regexp_extract(z, '[+-](\d{1,2})', 1) AS BIGINT) +
  CAST('0' || regexp_extract(z, '[+-]\d{1,2}:?(\d{2})$', 1) AS BIGINT));
CREATE MACRO dbx_instant(a, z) AS
  CASE WHEN z IN ('', 'Z', 'UTC', 'GMT') THEN timezone('UTC', dbx_local(a))
  WHEN NOT regexp_matches(z, '[+-]') THEN timezone(z, dbx_local(a))
  ELSE timezone('UTC', dbx_local(a) - to_minutes(dbx_offset(z))) END;
CREATE MACRO dbx_date
  (a DATE) AS (a),
  (a TIMESTAMP) AS (CAST(a AS DATE)),
  (a TIMESTAMPTZ) AS (CAST(a AS DATE)),
  (a VARCHAR) AS (
    CAST(CASE WHEN a IS NULL OR dbx_is_date(a) THEN regexp_replace(dbx_day(a), '[ T].*$', '')
    ELSE dbx_no_time(a, 'DATE') END AS DATE));
CREATE MACRO dbx_try_date
  (a DATE) AS (a),
  (a TIMESTAMP) AS (CAST(a AS DATE)),
  (a TIMESTAMPTZ) AS (CAST(a AS DATE)),
  (a VARCHAR) AS (
    CASE WHEN dbx_is_date(a) THEN TRY_CAST(regexp_replace(dbx_day(a), '[ T].*$', '') AS DATE)
    WHEN dbx_other_time(a) THEN CAST(dbx_refused_time(a) AS DATE) END);
CREATE MACRO dbx_time
  (a DATE) AS (CAST(a AS TIMESTAMP)),
  (a TIMESTAMP) AS (a),
  (a TIMESTAMPTZ) AS (a),
  (a VARCHAR) AS (
    CASE WHEN a IS NULL OR dbx_is_time(a) THEN dbx_instant(a, dbx_zone(a))
    ELSE CAST(dbx_no_time(a, 'TIMESTAMP') AS TIMESTAMPTZ) END);
CREATE MACRO dbx_try_time
  (a DATE) AS (CAST(a AS TIMESTAMP)),
  (a TIMESTAMP) AS (a),
  (a TIMESTAMPTZ) AS (a),
  (a VARCHAR) AS (
    CASE WHEN dbx_is_time(a) THEN TRY(dbx_instant(a, dbx_zone(a)))
    WHEN dbx_other_time(a) THEN CAST(dbx_refused_time(a) AS TIMESTAMPTZ) END);
-- A time without a zone leaves out the zone that a text has.
CREATE MACRO dbx_local_time
  (a DATE) AS (CAST(a AS TIMESTAMP)),
  (a TIMESTAMP) AS (a),
  (a TIMESTAMPTZ) AS (CAST(a AS TIMESTAMP)),
  (a VARCHAR) AS (
    CASE WHEN a IS NULL OR dbx_is_time(a) THEN dbx_local(a)
    ELSE CAST(dbx_no_time(a, 'TIMESTAMP_NTZ') AS TIMESTAMP) END);
CREATE MACRO dbx_try_local_time
  (a DATE) AS (CAST(a AS TIMESTAMP)),
  (a TIMESTAMP) AS (a),
  (a TIMESTAMPTZ) AS (CAST(a AS TIMESTAMP)),
  (a VARCHAR) AS (
    CASE WHEN dbx_is_time(a) THEN TRY(dbx_local(a))
    WHEN dbx_other_time(a) THEN CAST(dbx_refused_time(a) AS TIMESTAMP) END);
CREATE MACRO dbx_parsed(a, p) AS
  CASE WHEN a IS NULL OR strftime(try_strptime(a, p), p) = a THEN try_strptime(a, p) ELSE
  error('[CANNOT_PARSE_TIMESTAMP] Text ''' || a ||
  ''' could not be parsed. Use `try_to_timestamp` to tolerate invalid input string and return NULL instead.') END;
CREATE MACRO dbx_try_parsed(a, p) AS
  CASE WHEN strftime(try_strptime(a, p), p) = a THEN try_strptime(a, p) END;

-- Operands whose types the translation does not know.
CREATE MACRO dbx_no_decimal
  (a DECIMAL(38,10)) AS (dbx_refused_decimal()),
  (a TINYINT) AS (a),
  (a SMALLINT) AS (a),
  (a INTEGER) AS (a),
  (a BIGINT) AS (a),
  (a HUGEINT) AS (a),
  (a FLOAT) AS (a),
  (a DOUBLE) AS (a),
  (a) AS (a);
CREATE MACRO dbx_plain
  (a DATE) AS (CAST(dbx_refuse('arithmetic of a date whose type is not known beforehand') AS DOUBLE)),
  (a TIMESTAMP) AS (CAST(dbx_refuse('arithmetic of a time whose type is not known beforehand') AS DOUBLE)),
  (a TIMESTAMPTZ) AS (CAST(dbx_refuse('arithmetic of a time whose type is not known beforehand') AS DOUBLE)),
  (a VARCHAR) AS (CAST(dbx_refuse('arithmetic of text') AS DOUBLE)),
  (a TINYINT) AS (a),
  (a SMALLINT) AS (a),
  (a INTEGER) AS (a),
  (a BIGINT) AS (a),
  (a HUGEINT) AS (a),
  (a DECIMAL(38,10)) AS (dbx_refused_decimal()),
  (a FLOAT) AS (a),
  (a DOUBLE) AS (a),
  (a) AS (a);
CREATE MACRO dbx_crossed(a, b) AS
  trunc(a) * trunc(b) + trunc(a) * (b - trunc(b)) + trunc(b) * (a - trunc(a));
CREATE MACRO dbx_product(a, b) AS
  struct_pack(whole := trunc(dbx_crossed(a, b)), rest := (dbx_crossed(a, b) - trunc(dbx_crossed(a, b))) + (a -
  trunc(a)) * (b - trunc(b)));
CREATE MACRO dbx_divisor(a) AS
  CASE WHEN a = 0 THEN error('[DIVIDE_BY_ZERO]') ELSE a END;
CREATE MACRO dbx_modulus(a) AS
  CASE WHEN a = 0 THEN error('[REMAINDER_BY_ZERO]') ELSE a END;

-- Strings.
CREATE MACRO dbx_length
  (a VARCHAR) AS (length(a)),
  (a BLOB) AS (octet_length(a));
CREATE MACRO dbx_bytes
  (a VARCHAR) AS (encode(a)),
  (a BLOB) AS (a);
CREATE MACRO dbx_lpad(s, n, p) AS
  CASE WHEN n <= 0 THEN '' WHEN p = '' THEN left(s, n) ELSE lpad(s, CAST(n AS INTEGER), p) END;
CREATE MACRO dbx_rpad(s, n, p) AS
  CASE WHEN n <= 0 THEN '' WHEN p = '' THEN left(s, n) ELSE rpad(s, CAST(n AS INTEGER), p) END;
CREATE MACRO dbx_first(s, p) AS
  CASE WHEN p > 0 THEN p - 1 WHEN p < 0 THEN length(s) + p ELSE 0 END;
CREATE MACRO dbx_substring(s, p, l) AS
  CASE WHEN p IS NULL OR l IS NULL THEN NULL WHEN l <= 0 THEN '' ELSE substring(s, greatest(dbx_first(s, p), 0) + 1, greatest(dbx_first(s, p) + CAST(l AS
  BIGINT) - greatest(dbx_first(s, p), 0), 0)) END;
CREATE MACRO dbx_locate(u, s, p) AS
  CASE WHEN p < 1 THEN 0 WHEN instr(s[p:], u) = 0 THEN 0 ELSE instr(s[p:], u) + p - 1 END;
CREATE MACRO dbx_overlay(s, r, p, l) AS
  left(s, p - 1) || r || s[p + CASE WHEN l < 0 THEN length(r) ELSE l END:];
CREATE MACRO dbx_split_part(s, d, n) AS
  CASE WHEN n = 0 THEN
  dbx_zero_index()
  WHEN d = '' THEN CASE WHEN abs(n) = 1 THEN s ELSE '' END ELSE split_part(s, d, n) END;
CREATE MACRO dbx_substring_index(s, d, n) AS
  CASE WHEN n = 0 OR d = '' THEN '' WHEN n > 0 THEN array_to_string(list_slice(string_split(s, d), 1, n), d) ELSE
  array_to_string(list_slice(string_split(s, d), greatest(len(string_split(s, d)) + n + 1, 1), 1000000), d) END;
-- Java makes several letters of some, and looks around a sigma.
CREATE MACRO dbx_one_case(s) AS
  strlen(s) = length(s) OR NOT regexp_matches(s, '[' ||
  '\x{149}\x{1F0}\x{390}\x{3B0}\x{587}\x{1E96}-\x{1E9A}\x{1F50}\x{1F52}\x{1F54}\x{1F56}' ||
  '\x{1F80}-\x{1FAF}\x{1FB2}-\x{1FB4}\x{1FB6}-\x{1FB7}\x{1FBC}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FC7}' ||
  '\x{1FCC}\x{1FD2}-\x{1FD3}\x{1FD6}-\x{1FD7}\x{1FE2}-\x{1FE4}\x{1FE6}-\x{1FE7}\x{1FF2}-\x{1FF4}' ||
  '\x{1FF6}-\x{1FF7}\x{1FFC}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}]');
CREATE MACRO dbx_upper(s) AS
  CASE WHEN s IS NULL OR dbx_one_case(s) THEN upper(replace(s, 'ß', 'SS')) ELSE
  dbx_refuse('upper of a letter that becomes several') END;
CREATE MACRO dbx_lower(s) AS
  CASE WHEN s IS NULL OR strlen(s) = length(s) OR NOT regexp_matches(s, '[\x{3A3}\x{130}]') THEN lower(s) ELSE
  dbx_refuse('lower of a sigma or of an I with a dot') END;
CREATE MACRO dbx_initcap(s) AS
  CASE WHEN NOT (dbx_one_case(s) AND NOT regexp_matches(s, '[\x{DF}\x{3A3}\x{130}]')) THEN
  dbx_refuse('initcap of these letters') ELSE
  array_to_string(list_transform(string_split(lower(s), ' '), lambda w: upper(w[1]) || w[2:]), ' ') END;
CREATE MACRO dbx_char(n) AS
  CASE WHEN n < 0 THEN '' ELSE chr(CAST(n % 256 AS INTEGER)) END;
CREATE MACRO dbx_levenshtein(a, b) AS
  CASE WHEN strlen(a) = length(a) AND strlen(b) = length(b) THEN levenshtein(a, b) ELSE
  dbx_refuse('levenshtein of other text than ASCII') END;
CREATE MACRO dbx_format_number(x, n) AS
  CASE WHEN n < 0 THEN NULL WHEN abs(x) >= 1e15 THEN dbx_refuse('format_number of so large a number') ELSE
  format('{:,.' || CAST(n AS VARCHAR) || 'f}', CAST(x AS DOUBLE)) END;
CREATE MACRO dbx_find_in_set(s, l) AS
  CASE WHEN s IS NULL OR l IS NULL THEN NULL WHEN contains(s, ',') THEN 0 ELSE
  coalesce(list_position(string_split(l, ','), s), 0) END;
CREATE MACRO dbx_url_encode(s) AS
  replace(replace(replace(url_encode(s), '%20', '+'), '~', '%7E'), '%2A', '*');
CREATE MACRO dbx_json(j, p) AS
  CASE WHEN json_valid(j) THEN CASE WHEN json_extract_string(j, p) = 'null' AND json_type(j, p) = 'NULL' THEN NULL
  ELSE json_extract_string(j, p) END END;

-- Numbers. A double is rounded by the digits that are written, as Databricks does it: 2.675 becomes 2.68.
CREATE MACRO dbx_round_double(a, n) AS
  CASE WHEN isfinite(a) AND abs(a) < 1e18 THEN CAST(round(CAST(CAST(a AS VARCHAR) AS DECIMAL(38,18)), n) AS DOUBLE)
  ELSE a END;
CREATE MACRO dbx_round
  (a DECIMAL(38,10), n) AS (dbx_refused_decimal()),
  (a TINYINT, n) AS (round(a, n)),
  (a SMALLINT, n) AS (round(a, n)),
  (a INTEGER, n) AS (round(a, n)),
  (a BIGINT, n) AS (round(a, n)),
  (a DOUBLE, n) AS (dbx_round_double(a, n)),
  (a FLOAT, n) AS (CAST(dbx_round_double(a, n) AS FLOAT));
CREATE MACRO dbx_half_up(n, d) AS
  CASE WHEN (n < 0) = (d < 0) THEN 1 ELSE -1 END * ((2 * abs(n) + abs(d)) // (2 * abs(d)));
CREATE MACRO dbx_bounded(a, bound) AS
  CASE WHEN abs(CAST(a AS DOUBLE)) >= bound THEN CAST(dbx_refuse('a division of decimals of so many digits') AS
  HUGEINT) ELSE 0 END;
CREATE MACRO dbx_cbrt(a) AS
  CASE WHEN pow(round(cbrt(a)), 3) = a THEN round(cbrt(a)) ELSE cbrt(a) END;
CREATE MACRO dbx_sqrt(a) AS
  CASE WHEN a < 0 THEN CAST('nan' AS DOUBLE) ELSE sqrt(a) END;
CREATE MACRO dbx_ln(a) AS
  CASE WHEN a > 0 THEN ln(a) END;
CREATE MACRO dbx_log(b, a) AS
  CASE WHEN a > 0 AND b > 0 THEN ln(a) / ln(b) END;
CREATE MACRO dbx_pmod(a, b) AS
  CASE WHEN b = 0 THEN error('[REMAINDER_BY_ZERO]') WHEN a % b < 0 THEN (a % b + b) % b ELSE a % b END;

-- Dates. DuckDB takes two last days of months for a whole month; Databricks goes by the number of the day.
CREATE MACRO dbx_months_up(s, e) AS
  (year(e) - year(s)) * 12 + month(e) - month(s) - CASE WHEN day(e) < day(s) OR (day(e) = day(s) AND CAST(e AS TIME)
  < CAST(s AS TIME)) THEN 1 ELSE 0 END;
CREATE MACRO dbx_whole_months(s, e) AS
  CASE WHEN e >= s THEN dbx_months_up(CAST(s AS TIMESTAMP), CAST(e AS TIMESTAMP)) ELSE -dbx_months_up(CAST(e AS
  TIMESTAMP), CAST(s AS TIMESTAMP)) END;
CREATE MACRO dbx_months_between(e, s) AS
  CASE WHEN day(e) = day(s) OR (CAST(e AS DATE) = last_day(e) AND CAST(s AS DATE) = last_day(s)) THEN CAST((year(e)
  - year(s)) * 12 + month(e) - month(s) AS DOUBLE) ELSE round((year(e) - year(s)) * 12 + month(e) - month(s) +
  ((day(e) - day(s)) * 86400 + date_diff('second', date_trunc('day', e), e) - date_diff('second', date_trunc('day',
  s), s)) / CAST(2678400 AS DOUBLE), 8) END;
CREATE MACRO dbx_weekday(n) AS
  CASE WHEN upper(n) IN ('MO', 'MON', 'MONDAY') THEN 1 WHEN upper(n) IN ('TU', 'TUE', 'TUESDAY') THEN 2 WHEN upper(n)
  IN ('WE', 'WED', 'WEDNESDAY') THEN 3 WHEN upper(n) IN ('TH', 'THU', 'THURSDAY') THEN 4 WHEN upper(n) IN ('FR', 'FRI',
  'FRIDAY') THEN 5 WHEN upper(n) IN ('SA', 'SAT', 'SATURDAY') THEN 6 WHEN upper(n) IN ('SU', 'SUN', 'SUNDAY') THEN 7
  WHEN n IS NULL THEN NULL ELSE error('[ILLEGAL_DAY_OF_WEEK] Illegal input for day of week: ' || n || '.') END;
CREATE MACRO dbx_next_day(d, n) AS
  CAST(d + CAST((dbx_weekday(n) - isodow(d) + 6) % 7 + 1 AS INTEGER) AS DATE);

-- Arrays and maps.
CREATE MACRO dbx_append(a, b) AS
  CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE list_concat(a, b) END;
CREATE MACRO dbx_has_null(a) AS
  (list_count(a) < len(a));
CREATE MACRO dbx_array_contains(a, v) AS
  CASE WHEN a IS NULL OR v IS NULL THEN NULL WHEN list_contains(a, v) THEN true WHEN dbx_has_null(a) THEN NULL ELSE
  false END;
CREATE MACRO dbx_array_distinct(a) AS
  list_filter(a, lambda x, i: i = list_position(a, x));
CREATE MACRO dbx_array_intersect(a, b) AS
  CASE WHEN b IS NOT NULL THEN dbx_array_distinct(list_filter(a, lambda x: list_position(b, x) IS NOT NULL)) END;
CREATE MACRO dbx_array_except(a, b) AS
  CASE WHEN b IS NOT NULL THEN dbx_array_distinct(list_filter(a, lambda x: list_position(b, x) IS NULL)) END;
CREATE MACRO dbx_arrays_overlap(a, b) AS
  CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN list_has_any(list_filter(a, lambda x: x IS NOT NULL), b) THEN true
  WHEN len(a) > 0 AND len(b) > 0 AND (dbx_has_null(a) OR dbx_has_null(b)) THEN NULL ELSE false END;
CREATE MACRO dbx_flatten(a) AS
  CASE WHEN dbx_has_null(a) THEN NULL ELSE flatten(a) END;
CREATE MACRO dbx_slice(a, p, l) AS
  CASE WHEN p = 0 THEN
  error('[INVALID_PARAMETER_VALUE.START] The value of parameter(s) `start` in `slice` is invalid: Expects a positive ' ||
  'or a negative value for `start`, but got 0.')
  WHEN p < 0 AND len(a) + p < 0 THEN [] ELSE list_slice(a, CASE WHEN p > 0 THEN p ELSE len(a) + p + 1 END, CASE WHEN
  p > 0 THEN p ELSE len(a) + p + 1 END + l - 1) END;
CREATE MACRO dbx_element_at(a, i) AS
  CASE WHEN i = 0 THEN
  dbx_zero_index()
  WHEN abs(i) > len(a) THEN error('[INVALID_ARRAY_INDEX_IN_ELEMENT_AT] The index ' || i ||
  ' is out of bounds. The array has ' || len(a) ||
  ' elements. Use `try_element_at` to tolerate accessing element at invalid index and return NULL instead.') ELSE
  list_extract(a, i) END;
CREATE MACRO dbx_item(a, i) AS
  CASE WHEN i < 0 OR i >= len(a) THEN error('[INVALID_ARRAY_INDEX] The index ' || i ||
  ' is out of bounds. The array has ' || len(a) ||
  ' elements. Use the SQL function `get()` to tolerate accessing element at invalid index and return NULL instead.')
  ELSE list_extract(a, i + 1) END;
CREATE MACRO dbx_get(a, i) AS
  CASE WHEN i < 0 OR i >= len(a) THEN NULL ELSE list_extract(a, i + 1) END;
CREATE MACRO dbx_sequence
  (a, b) AS (generate_series(a, b, CASE WHEN a <= b THEN 1 ELSE -1 END)),
  (a, b, s) AS (
    CASE WHEN s = 0 OR (b - a) * s < 0 THEN error('[INVALID_PARAMETER_VALUE] Illegal sequence boundaries') ELSE
    generate_series(a, b, s) END);
CREATE MACRO dbx_dates(a, b, s) AS
  list_transform(generate_series(CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP), s), lambda x: CAST(x AS DATE));
CREATE MACRO dbx_any(l) AS
  CASE WHEN list_contains(l, true) THEN true WHEN dbx_has_null(l) THEN NULL WHEN l IS NULL THEN NULL ELSE false END;
CREATE MACRO dbx_all(l) AS
  CASE WHEN list_contains(l, false) THEN false WHEN dbx_has_null(l) THEN NULL WHEN l IS NULL THEN NULL ELSE true END;
CREATE MACRO dbx_map_concat
  (a) AS (a),
  (a, b) AS (
    CASE WHEN list_has_any(map_keys(a), map_keys(b)) THEN
    error('[DUPLICATED_MAP_KEY] Duplicate map key was found, please check the input data.') ELSE map_concat(a, b)
    END);
