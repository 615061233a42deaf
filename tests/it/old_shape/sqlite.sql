-- A database of the shape with twelve migrations, as `sqlite3 FILE .dump` wrote it:
-- rows in every state, groups that wait, failed and died, a sealed one.
BEGIN TRANSACTION;
CREATE TABLE __diesel_schema_migrations (
       version VARCHAR(50) PRIMARY KEY NOT NULL,
       run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO __diesel_schema_migrations VALUES('00000000000001','2026-01-07 08:00:00');
INSERT INTO __diesel_schema_migrations VALUES('00000000000002','2026-01-07 08:00:00');
INSERT INTO __diesel_schema_migrations VALUES('00000000000003','2026-01-07 08:00:00');
INSERT INTO __diesel_schema_migrations VALUES('00000000000004','2026-01-07 08:00:00');
INSERT INTO __diesel_schema_migrations VALUES('00000000000005','2026-01-07 08:00:00');
INSERT INTO __diesel_schema_migrations VALUES('00000000000006','2026-01-07 08:00:00');
INSERT INTO __diesel_schema_migrations VALUES('00000000000007','2026-01-07 08:00:00');
INSERT INTO __diesel_schema_migrations VALUES('00000000000008','2026-01-07 08:00:00');
INSERT INTO __diesel_schema_migrations VALUES('00000000000009','2026-01-07 08:00:00');
INSERT INTO __diesel_schema_migrations VALUES('00000000000010','2026-01-07 08:00:00');
INSERT INTO __diesel_schema_migrations VALUES('00000000000011','2026-01-07 08:00:00');
INSERT INTO __diesel_schema_migrations VALUES('00000000000012','2026-01-07 08:00:00');
CREATE TABLE user_time_zones (
    user_id integer primary key,
    time_zone text not null
);
INSERT INTO user_time_zones VALUES(1,'Europe/Berlin');
CREATE TABLE patient_users (
    reference text primary key,
    user_id integer not null
);
INSERT INTO patient_users VALUES('p1',2);
CREATE TABLE worker_control (
    id integer primary key default 1 check (id = 1),
    paused integer not null default 0,
    paused_at text,
    default_time_zone text not null default 'UTC'
);
INSERT INTO worker_control VALUES(1,1,'2026-01-06 10:00:00.000000+00:00','Europe/Vienna');
CREATE TABLE worker_heartbeats (
    worker text primary key,
    mode text not null,
    started_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    seen_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    activity text not null
, folding text not null default '[]');
CREATE TABLE aggregation_groups (
    user_id integer not null,
    domain text not null,
    local_date text not null,
    state text not null default 'due' check (state in ('due', 'dead')),
    version integer not null default 1,
    attempts integer not null default 0,
    next_attempt_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    error text,
    error_class text,
    updated_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    primary key (user_id, domain, local_date)
);
INSERT INTO aggregation_groups VALUES(3,'labs','2026-01-05','due',1,1,'2099-01-01 00:00:00.000000+00:00','division by zero','data','2026-01-06 10:00:00.000000+00:00');
INSERT INTO aggregation_groups VALUES(4,'nutrition','2026-01-05','dead',1,5,'2026-01-06 10:00:00.000000+00:00','too much','panic','2026-01-06 10:00:00.000000+00:00');
INSERT INTO aggregation_groups VALUES(1,'vitals','2026-01-06','due',1,0,'2026-01-07 08:00:00.000000+00:00',NULL,NULL,'2026-01-07 08:00:00.000000+00:00');
INSERT INTO aggregation_groups VALUES(1,'labs','2026-01-05','due',1,0,'2026-01-07 08:00:00.000000+00:00',NULL,NULL,'2026-01-07 08:00:00.000000+00:00');
CREATE TABLE aggregation_batches (
    id text primary key,
    worker text not null,
    domain text not null,
    started_at text not null,
    duration_ms integer not null,
    rows_pulled integer not null,
    rows_completed integer not null,
    rows_rejected integer not null,
    groups_ok integer not null,
    groups_failed integer not null,
    groups_skipped integer not null,
    pool_before text not null,
    pool_after text not null
);
CREATE TABLE raw_vitals (
    id integer primary key autoincrement,
    user_id integer not null,
    metric text not null,
    value real,
    unit text,
    started_at text not null,
    ended_at text not null,
    -- Minutes east of UTC. SQLite knows no time zones: it must be given.
    utc_offset_minutes integer not null,
    -- The calendar day where the person was; sleep from 18:00 on counts to the next.
    local_date text not null generated always as (date(started_at, (utc_offset_minutes + case when metric in (
        'sleep', 'sleep_core', 'sleep_deep', 'sleep_rem', 'sleep_awake', 'sleep_in_bed',
        'HKCategoryTypeIdentifierSleepAnalysis', 'HKCategoryValueSleepAnalysisInBed',
        'HKCategoryValueSleepAnalysisAsleep', 'HKCategoryValueSleepAnalysisAsleepUnspecified',
        'HKCategoryValueSleepAnalysisAsleepCore', 'HKCategoryValueSleepAnalysisAsleepDeep',
        'HKCategoryValueSleepAnalysisAsleepREM', 'HKCategoryValueSleepAnalysisAwake',
        '93832-4', '93831-6', '93830-8', '93829-0'
    ) then 360 else 0 end) || ' minutes')) stored,
    source text not null default '',
    source_id text,
    device text,
    note text,
    status text not null default 'pending' check (status in ('pending', 'completed', 'failed', 'rejected')),
    attempts integer not null default 0,
    error text,
    created_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    aggregated_at text, comparator text check (comparator in ('<', '<=', '>', '>=')),
    check (started_at glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]+00:00'),
    check (ended_at glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]+00:00')
);
INSERT INTO raw_vitals VALUES(1,1,'heart_rate',86.599999999999994317,'/min','2026-01-05 05:00:00.000000+00:00','2026-01-05 05:00:00.000000+00:00',60,'watch',NULL,NULL,NULL,'completed',0,NULL,'2026-01-07 08:00:00.000000+00:00','2026-01-07 08:00:00.000000+00:00',NULL);
INSERT INTO raw_vitals VALUES(2,1,'steps',158.0,'{steps}','2026-01-05 07:11:59.000000+00:00','2026-01-05 07:16:59.000000+00:00',60,'watch',NULL,NULL,NULL,'completed',0,NULL,'2026-01-07 08:00:00.000000+00:00','2026-01-07 08:00:00.000000+00:00',NULL);
INSERT INTO raw_vitals VALUES(3,1,'heart_rate',120.70000000000000283,'/min','2026-01-05 09:23:58.000000+00:00','2026-01-05 09:23:58.000000+00:00',60,'watch',NULL,NULL,NULL,'completed',0,NULL,'2026-01-07 08:00:00.000000+00:00','2026-01-07 08:00:00.000000+00:00',NULL);
INSERT INTO raw_vitals VALUES(4,1,'steps',90.500000000000000001,'{steps}','2026-01-05 11:35:57.000000+00:00','2026-01-05 11:40:57.000000+00:00',60,'watch',NULL,NULL,NULL,'completed',0,NULL,'2026-01-07 08:00:00.000000+00:00','2026-01-07 08:00:00.000000+00:00',NULL);
INSERT INTO raw_vitals VALUES(5,1,'heart_rate',57.100000000000001422,'/min','2026-01-06 05:00:00.000000+00:00','2026-01-06 05:00:00.000000+00:00',60,'watch',NULL,NULL,NULL,'completed',0,NULL,'2026-01-07 08:00:00.000000+00:00','2026-01-07 08:00:00.000000+00:00',NULL);
INSERT INTO raw_vitals VALUES(6,1,'steps',18.5,'{steps}','2026-01-06 07:11:59.000000+00:00','2026-01-06 07:16:59.000000+00:00',60,'watch',NULL,NULL,NULL,'completed',0,NULL,'2026-01-07 08:00:00.000000+00:00','2026-01-07 08:00:00.000000+00:00',NULL);
INSERT INTO raw_vitals VALUES(7,1,'heart_rate',76.700000000000002841,'/min','2026-01-06 09:23:58.000000+00:00','2026-01-06 09:23:58.000000+00:00',60,'watch',NULL,NULL,NULL,'completed',0,NULL,'2026-01-07 08:00:00.000000+00:00','2026-01-07 08:00:00.000000+00:00',NULL);
INSERT INTO raw_vitals VALUES(8,1,'steps',439.0,'{steps}','2026-01-06 11:35:57.000000+00:00','2026-01-06 11:40:57.000000+00:00',60,'watch',NULL,NULL,NULL,'completed',0,NULL,'2026-01-07 08:00:00.000000+00:00','2026-01-07 08:00:00.000000+00:00',NULL);
INSERT INTO raw_vitals VALUES(9,2,'8867-4',61.0,'/min','2026-01-05 07:00:00.000000+00:00','2026-01-05 07:00:00.000000+00:00',60,'fhir','o1',NULL,NULL,'completed',0,NULL,'2026-01-07 08:00:00.000000+00:00','2026-01-07 08:00:00.000000+00:00',NULL);
INSERT INTO raw_vitals VALUES(10,1,'no such metric',1.0,NULL,'2026-01-05 10:00:00.000000+00:00','2026-01-05 10:00:00.000000+00:00',60,'',NULL,NULL,NULL,'rejected',0,'metric_unknown: `no such metric` is no metric and no LOINC code','2026-01-07 08:00:00.000000+00:00','2026-01-07 08:00:00.000000+00:00',NULL);
INSERT INTO raw_vitals VALUES(12,1,'heart_rate',71.0,NULL,'2026-01-05 11:00:00.000000+00:00','2026-01-05 11:00:00.000000+00:00',60,'',NULL,NULL,NULL,'rejected',3,'poison: the fold panicked','2026-01-07 08:00:00.000000+00:00','2026-01-07 00:00:00.000000+00:00',NULL);
INSERT INTO raw_vitals VALUES(13,5,'heart_rate',71.0,NULL,'2024-01-05 11:00:00.000000+00:00','2024-01-05 11:00:00.000000+00:00',60,'',NULL,NULL,NULL,'rejected',0,'its day is sealed','2026-01-07 08:00:00.000000+00:00','2026-01-07 00:00:00.000000+00:00',NULL);
INSERT INTO raw_vitals VALUES(14,2,'steps',900.0,NULL,'2026-01-05 22:30:00.000000+00:00','2026-01-05 23:30:00.000000+00:00',60,'',NULL,NULL,'a ''quoted'' note','pending',0,NULL,'2026-01-07 08:00:00.000000+00:00',NULL,NULL);
INSERT INTO raw_vitals VALUES(15,2,'sleep_deep',30.0,NULL,'2026-01-05 20:30:00.000000+00:00','2026-01-05 21:00:00.000000+00:00',60,'',NULL,NULL,NULL,'pending',0,NULL,'2026-01-07 08:00:00.000000+00:00',NULL,NULL);
INSERT INTO raw_vitals VALUES(16,2,'heart_rate',40.0,NULL,'2026-01-05 20:30:00.000000+00:00','2026-01-05 20:30:00.000000+00:00',60,'',NULL,NULL,NULL,'pending',0,NULL,'2026-01-07 08:00:00.000000+00:00',NULL,'<');
CREATE TABLE raw_labs (
    id integer primary key autoincrement,
    user_id integer not null,
    code text,
    name text not null,
    category text,
    value text,
    unit text,
    reference_range text,
    interpretation text,
    collected_at text not null,
    -- Minutes east of UTC. SQLite knows no time zones: it must be given.
    utc_offset_minutes integer not null,
    -- The calendar day where the person was.
    local_date text not null generated always as (date(collected_at, utc_offset_minutes || ' minutes')) stored,
    source text not null default '',
    source_id text,
    device text,
    note text,
    status text not null default 'pending' check (status in ('pending', 'completed', 'failed', 'rejected')),
    attempts integer not null default 0,
    error text,
    created_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    aggregated_at text,
    check (collected_at glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]+00:00')
);
INSERT INTO raw_labs VALUES(2,1,'2093-3','Cholesterol',NULL,'169.6','mg/dL','<200',NULL,'2026-01-05 07:11:59.000000+00:00',60,'laboratory',NULL,NULL,NULL,'completed',0,NULL,'2026-01-07 08:00:00.000000+00:00','2026-01-07 08:00:00.000000+00:00');
INSERT INTO raw_labs VALUES(3,1,'2339-0','Glucose',NULL,'126.3','mg/dL','70-99',NULL,'2026-01-05 09:23:58.000000+00:00',60,'laboratory',NULL,NULL,NULL,'completed',0,NULL,'2026-01-07 08:00:00.000000+00:00','2026-01-07 08:00:00.000000+00:00');
INSERT INTO raw_labs VALUES(4,2,'2345-7','Glucose','laboratory','90','mg/dL',NULL,NULL,'2026-01-05 07:00:00.000000+00:00',60,'fhir','o2',NULL,NULL,'completed',0,NULL,'2026-01-07 08:00:00.000000+00:00','2026-01-07 08:00:00.000000+00:00');
INSERT INTO raw_labs VALUES(5,3,NULL,'Glucose',NULL,'90',NULL,NULL,NULL,'2026-01-05 08:00:00.000000+00:00',60,'',NULL,NULL,NULL,'failed',1,'division by zero','2026-01-06 08:00:00.000000+00:00',NULL);
INSERT INTO raw_labs VALUES(6,3,NULL,'Glucose',NULL,'91',NULL,NULL,NULL,'2026-01-05 09:00:00.000000+00:00',60,'',NULL,NULL,NULL,'failed',1,'division by zero','2026-01-06 09:00:00.000000+00:00',NULL);
CREATE TABLE lab_aggregates (
    user_id integer not null,
    period text not null,
    local_date text not null,
    period_start text not null,
    analyte text not null,
    unit text not null,
    "code" text,
    "name" text not null,
    "count" integer not null,
    "numeric_count" integer not null,
    "below_count" integer not null,
    "above_count" integer not null,
    "value_sum" real,
    "mean" real,
    "min" real,
    "max" real,
    "first" real,
    "last" real,
    "first_text" text not null,
    "last_text" text not null,
    "text_values" text not null,
    "reference_low" real,
    "reference_high" real,
    "flag" text not null,
    "worst_flag" text not null,
    "days_covered" integer,
    "sources" text not null,
    "rejected_count" integer not null,
    algorithm_version integer not null,
    updated_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')), no_result_count integer not null default 0,
    primary key (user_id, period, local_date, period_start, analyte, unit)
) without rowid;
INSERT INTO lab_aggregates VALUES(1,'day','2026-01-05','2026-01-04 23:00:00.000000+00:00','2093-3','mg/dL','2093-3','Cholesterol',1,1,0,0,169.59999999999999431,169.59999999999999431,169.59999999999999431,169.59999999999999431,169.59999999999999431,169.59999999999999431,'169.6','169.6','{}',NULL,200.0,'normal','normal',NULL,'["laboratory"]',0,3,'2026-01-07 08:00:00.000000+00:00',0);
INSERT INTO lab_aggregates VALUES(1,'day','2026-01-05','2026-01-04 23:00:00.000000+00:00','2339-0','mg/dL','2339-0','Glucose',2,2,0,0,223.39999999999997726,111.69999999999998863,97.099999999999994319,126.29999999999999715,97.099999999999994319,126.29999999999999715,'97.1','126.3','{}',70.0,99.0,'high','high',NULL,'["laboratory"]',0,3,'2026-01-07 08:00:00.000000+00:00',0);
INSERT INTO lab_aggregates VALUES(1,'month','2026-01-01','2025-12-31 23:00:00.000000+00:00','2093-3','mg/dL','2093-3','Cholesterol',1,1,0,0,169.59999999999999431,169.59999999999999431,169.59999999999999431,169.59999999999999431,169.59999999999999431,169.59999999999999431,'169.6','169.6','{}',NULL,200.0,'normal','normal',1,'["laboratory"]',0,3,'2026-01-07 08:00:00.000000+00:00',0);
INSERT INTO lab_aggregates VALUES(1,'month','2026-01-01','2025-12-31 23:00:00.000000+00:00','2339-0','mg/dL','2339-0','Glucose',2,2,0,0,223.39999999999997726,111.69999999999998863,97.099999999999994319,126.29999999999999715,97.099999999999994319,126.29999999999999715,'97.1','126.3','{}',70.0,99.0,'high','high',1,'["laboratory"]',0,3,'2026-01-07 08:00:00.000000+00:00',0);
INSERT INTO lab_aggregates VALUES(1,'quarter','2026-01-01','2025-12-31 23:00:00.000000+00:00','2093-3','mg/dL','2093-3','Cholesterol',1,1,0,0,169.59999999999999431,169.59999999999999431,169.59999999999999431,169.59999999999999431,169.59999999999999431,169.59999999999999431,'169.6','169.6','{}',NULL,200.0,'normal','normal',1,'["laboratory"]',0,3,'2026-01-07 08:00:00.000000+00:00',0);
INSERT INTO lab_aggregates VALUES(1,'quarter','2026-01-01','2025-12-31 23:00:00.000000+00:00','2339-0','mg/dL','2339-0','Glucose',2,2,0,0,223.39999999999997726,111.69999999999998863,97.099999999999994319,126.29999999999999715,97.099999999999994319,126.29999999999999715,'97.1','126.3','{}',70.0,99.0,'high','high',1,'["laboratory"]',0,3,'2026-01-07 08:00:00.000000+00:00',0);
INSERT INTO lab_aggregates VALUES(1,'year','2026-01-01','2025-12-31 23:00:00.000000+00:00','2093-3','mg/dL','2093-3','Cholesterol',1,1,0,0,169.59999999999999431,169.59999999999999431,169.59999999999999431,169.59999999999999431,169.59999999999999431,169.59999999999999431,'169.6','169.6','{}',NULL,200.0,'normal','normal',1,'["laboratory"]',0,3,'2026-01-07 08:00:00.000000+00:00',0);
INSERT INTO lab_aggregates VALUES(1,'year','2026-01-01','2025-12-31 23:00:00.000000+00:00','2339-0','mg/dL','2339-0','Glucose',2,2,0,0,223.39999999999997726,111.69999999999998863,97.099999999999994319,126.29999999999999715,97.099999999999994319,126.29999999999999715,'97.1','126.3','{}',70.0,99.0,'high','high',1,'["laboratory"]',0,3,'2026-01-07 08:00:00.000000+00:00',0);
INSERT INTO lab_aggregates VALUES(2,'day','2026-01-05','2026-01-04 23:00:00.000000+00:00','2345-7','mg/dL','2345-7','Glucose',1,1,0,0,90.0,90.0,90.0,90.0,90.0,90.0,'90','90','{}',NULL,NULL,'unknown','unknown',NULL,'["fhir"]',0,3,'2026-01-07 08:00:00.000000+00:00',0);
INSERT INTO lab_aggregates VALUES(2,'month','2026-01-01','2025-12-31 23:00:00.000000+00:00','2345-7','mg/dL','2345-7','Glucose',1,1,0,0,90.0,90.0,90.0,90.0,90.0,90.0,'90','90','{}',NULL,NULL,'unknown','unknown',1,'["fhir"]',0,3,'2026-01-07 08:00:00.000000+00:00',0);
INSERT INTO lab_aggregates VALUES(2,'quarter','2026-01-01','2025-12-31 23:00:00.000000+00:00','2345-7','mg/dL','2345-7','Glucose',1,1,0,0,90.0,90.0,90.0,90.0,90.0,90.0,'90','90','{}',NULL,NULL,'unknown','unknown',1,'["fhir"]',0,3,'2026-01-07 08:00:00.000000+00:00',0);
INSERT INTO lab_aggregates VALUES(2,'year','2026-01-01','2025-12-31 23:00:00.000000+00:00','2345-7','mg/dL','2345-7','Glucose',1,1,0,0,90.0,90.0,90.0,90.0,90.0,90.0,'90','90','{}',NULL,NULL,'unknown','unknown',1,'["fhir"]',0,3,'2026-01-07 08:00:00.000000+00:00',0);
CREATE TABLE raw_nutrition (
    id integer primary key autoincrement,
    user_id integer not null,
    nutrient text not null,
    amount real,
    unit text,
    -- Breakfast, lunch, … as the source calls it.
    meal text,
    eaten_at text not null,
    -- Minutes east of UTC. SQLite knows no time zones: it must be given.
    utc_offset_minutes integer not null,
    -- The calendar day where the person was.
    local_date text not null generated always as (date(eaten_at, utc_offset_minutes || ' minutes')) stored,
    source text not null default '',
    source_id text,
    device text,
    note text,
    status text not null default 'pending' check (status in ('pending', 'completed', 'failed', 'rejected')),
    attempts integer not null default 0,
    error text,
    created_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    aggregated_at text,
    check (eaten_at glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]+00:00')
);
INSERT INTO raw_nutrition VALUES(1,1,'energy',395.69999999999998863,'kcal',NULL,'2026-01-05 05:00:00.000000+00:00',60,'diary',NULL,NULL,NULL,'completed',0,NULL,'2026-01-07 08:00:00.000000+00:00','2026-01-07 08:00:00.000000+00:00');
INSERT INTO raw_nutrition VALUES(2,1,'protein',12.80000000000000071,'g',NULL,'2026-01-05 07:11:59.000000+00:00',60,'diary',NULL,NULL,NULL,'completed',0,NULL,'2026-01-07 08:00:00.000000+00:00','2026-01-07 08:00:00.000000+00:00');
INSERT INTO raw_nutrition VALUES(3,4,'protein',9.0,'g',NULL,'2026-01-05 08:00:00.000000+00:00',60,'',NULL,NULL,NULL,'failed',5,'too much','2026-01-06 08:00:00.000000+00:00',NULL);
INSERT INTO raw_nutrition VALUES(4,4,'protein',8.0,'g',NULL,'2026-01-05 09:00:00.000000+00:00',60,'',NULL,NULL,NULL,'pending',0,NULL,'2026-01-07 08:00:00.000000+00:00',NULL);
CREATE TABLE nutrition_aggregates (
    user_id integer not null,
    period text not null,
    local_date text not null,
    period_start text not null,
    nutrient text not null,
    unit text not null,
    "count" integer not null,
    "total" real not null,
    "value_sum" real not null,
    "mean" real not null,
    "min" real not null,
    "max" real not null,
    "first" real not null,
    "last" real not null,
    "meals" text not null,
    "days_covered" integer,
    "sources" text not null,
    "rejected_count" integer not null,
    algorithm_version integer not null,
    updated_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    primary key (user_id, period, local_date, period_start, nutrient, unit)
) without rowid;
INSERT INTO nutrition_aggregates VALUES(1,'day','2026-01-05','2026-01-04 23:00:00.000000+00:00','energy','kcal',1,395.69999999999998863,395.69999999999998863,395.69999999999998863,395.69999999999998863,395.69999999999998863,395.69999999999998863,395.69999999999998863,'{"unspecified":395.7}',NULL,'["diary"]',0,2,'2026-01-07 08:00:00.000000+00:00');
INSERT INTO nutrition_aggregates VALUES(1,'day','2026-01-05','2026-01-04 23:00:00.000000+00:00','protein','g',1,12.80000000000000071,12.80000000000000071,12.80000000000000071,12.80000000000000071,12.80000000000000071,12.80000000000000071,12.80000000000000071,'{"unspecified":12.8}',NULL,'["diary"]',0,2,'2026-01-07 08:00:00.000000+00:00');
INSERT INTO nutrition_aggregates VALUES(1,'month','2026-01-01','2025-12-31 23:00:00.000000+00:00','energy','kcal',1,395.69999999999998863,395.69999999999998863,395.69999999999998863,395.69999999999998863,395.69999999999998863,395.69999999999998863,395.69999999999998863,'{"unspecified":395.7}',1,'["diary"]',0,2,'2026-01-07 08:00:00.000000+00:00');
INSERT INTO nutrition_aggregates VALUES(1,'month','2026-01-01','2025-12-31 23:00:00.000000+00:00','protein','g',1,12.80000000000000071,12.80000000000000071,12.80000000000000071,12.80000000000000071,12.80000000000000071,12.80000000000000071,12.80000000000000071,'{"unspecified":12.8}',1,'["diary"]',0,2,'2026-01-07 08:00:00.000000+00:00');
INSERT INTO nutrition_aggregates VALUES(1,'week','2026-01-05','2026-01-04 23:00:00.000000+00:00','energy','kcal',1,395.69999999999998863,395.69999999999998863,395.69999999999998863,395.69999999999998863,395.69999999999998863,395.69999999999998863,395.69999999999998863,'{"unspecified":395.7}',1,'["diary"]',0,2,'2026-01-07 08:00:00.000000+00:00');
INSERT INTO nutrition_aggregates VALUES(1,'week','2026-01-05','2026-01-04 23:00:00.000000+00:00','protein','g',1,12.80000000000000071,12.80000000000000071,12.80000000000000071,12.80000000000000071,12.80000000000000071,12.80000000000000071,12.80000000000000071,'{"unspecified":12.8}',1,'["diary"]',0,2,'2026-01-07 08:00:00.000000+00:00');
CREATE TABLE aggregation_errors (
    id integer primary key,
    user_id integer not null,
    domain text not null,
    local_date text not null,
    failed_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    -- Attempts counted against the group by then.
    attempts integer not null,
    error_class text not null,
    error text not null,
    worker text not null
);
INSERT INTO aggregation_errors VALUES(1,3,'labs','2026-01-05','2026-01-06 10:00:00.000000+00:00',1,'data','division by zero','w1');
CREATE TABLE sealed_groups (
    user_id integer not null,
    domain text not null,
    local_date text not null,
    sealed_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    raw_rows integer not null,
    primary key (user_id, domain, local_date)
);
INSERT INTO sealed_groups VALUES(5,'vitals','2024-01-05','2026-01-07 00:00:00.000000+00:00',1);
CREATE TABLE resource_versions (
    -- Type and id: 'Observation/o1'.
    resource text not null,
    -- The user that the import was told, 0 for none: ids are unique within it.
    scope integer not null,
    -- '' for a deletion that does not say which source it is of.
    source text not null,
    last_updated text,
    version integer,
    -- Has no rows until a newer version comes.
    retracted integer not null default 0,
    -- JSON: domain, user, source_id and key of each row; null where nothing
    -- was seen yet.
    rows text,
    primary key (resource, scope, source)
);
INSERT INTO resource_versions VALUES('Observation/o1',0,'fhir','2026-01-06 10:00:00.000000+00:00',2,0,'[["vitals",2,"o1","8867-4"]]');
INSERT INTO resource_versions VALUES('Observation/o2',0,'fhir','2026-01-06 10:00:00.000000+00:00',1,0,'[["labs",2,"o2","2345-7"]]');
INSERT INTO resource_versions VALUES('Observation/o3',0,'fhir','2026-01-06 10:00:00.000000+00:00',3,1,'[]');
CREATE TABLE vitals_aggregates (
    user_id integer not null,
    period text not null,
    local_date text not null,
    period_start text not null,
    metric text not null,
    unit text not null,
    "count" integer not null,
    "total" real,
    "value_sum" real not null,
    "mean" real,
    "min" real,
    "max" real,
    "first" real,
    "last" real,
    "hours_covered" integer,
    "days_covered" integer,
    "sources" text not null,
    "rejected_count" integer not null,
    algorithm_version integer not null,
    updated_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    below_count integer not null default 0,
    above_count integer not null default 0,
    min_comparator text,
    max_comparator text,
    first_comparator text,
    last_comparator text,
    primary key (user_id, period, local_date, period_start, metric, unit)
) without rowid;
INSERT INTO vitals_aggregates VALUES(1,'day','2026-01-05','2026-01-04 23:00:00.000000+00:00','heart_rate','/min',2,NULL,207.30000000000001136,103.65000000000000568,86.599999999999994317,120.70000000000000283,86.599999999999994317,120.70000000000000283,2,NULL,'["watch"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(1,'day','2026-01-05','2026-01-04 23:00:00.000000+00:00','steps','{count}',2,248.49999999999999999,248.49999999999999999,124.24999999999999999,90.500000000000000001,158.0,158.0,90.500000000000000001,2,NULL,'["watch"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(1,'day','2026-01-06','2026-01-05 23:00:00.000000+00:00','heart_rate','/min',2,NULL,132.80000000000001137,66.400000000000005684,56.100000000000001419,76.700000000000002841,56.100000000000001419,76.700000000000002841,2,NULL,'["watch"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(1,'day','2026-01-06','2026-01-05 23:00:00.000000+00:00','steps','{count}',2,457.49999999999999998,457.49999999999999998,228.74999999999999999,18.5,439.0,18.5,439.0,2,NULL,'["watch"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(1,'hour','2026-01-05','2026-01-05 05:00:00.000000+00:00','heart_rate','/min',1,NULL,86.599999999999994317,86.599999999999994317,86.599999999999994317,86.599999999999994317,86.599999999999994317,86.599999999999994317,NULL,NULL,'["watch"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(1,'hour','2026-01-05','2026-01-05 07:00:00.000000+00:00','steps','{count}',1,158.0,158.0,158.0,158.0,158.0,158.0,158.0,NULL,NULL,'["watch"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(1,'hour','2026-01-05','2026-01-05 09:00:00.000000+00:00','heart_rate','/min',1,NULL,120.70000000000000283,120.70000000000000283,120.70000000000000283,120.70000000000000283,120.70000000000000283,120.70000000000000283,NULL,NULL,'["watch"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(1,'hour','2026-01-05','2026-01-05 11:00:00.000000+00:00','steps','{count}',1,90.500000000000000001,90.500000000000000001,90.500000000000000001,90.500000000000000001,90.500000000000000001,90.500000000000000001,90.500000000000000001,NULL,NULL,'["watch"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(1,'hour','2026-01-06','2026-01-06 05:00:00.000000+00:00','heart_rate','/min',1,NULL,56.100000000000001419,56.100000000000001419,56.100000000000001419,56.100000000000001419,56.100000000000001419,56.100000000000001419,NULL,NULL,'["watch"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(1,'hour','2026-01-06','2026-01-06 07:00:00.000000+00:00','steps','{count}',1,18.5,18.5,18.5,18.5,18.5,18.5,18.5,NULL,NULL,'["watch"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(1,'hour','2026-01-06','2026-01-06 09:00:00.000000+00:00','heart_rate','/min',1,NULL,76.700000000000002841,76.700000000000002841,76.700000000000002841,76.700000000000002841,76.700000000000002841,76.700000000000002841,NULL,NULL,'["watch"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(1,'hour','2026-01-06','2026-01-06 11:00:00.000000+00:00','steps','{count}',1,439.0,439.0,439.0,439.0,439.0,439.0,439.0,NULL,NULL,'["watch"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(1,'month','2026-01-01','2025-12-31 23:00:00.000000+00:00','heart_rate','/min',4,NULL,340.10000000000002273,85.025000000000005686,56.100000000000001419,120.70000000000000283,86.599999999999994317,76.700000000000002841,4,2,'["watch"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(1,'month','2026-01-01','2025-12-31 23:00:00.000000+00:00','steps','{count}',4,706.0,706.0,176.49999999999999999,18.5,439.0,158.0,439.0,4,2,'["watch"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(1,'week','2026-01-05','2026-01-04 23:00:00.000000+00:00','heart_rate','/min',4,NULL,340.10000000000002273,85.025000000000005686,56.100000000000001419,120.70000000000000283,86.599999999999994317,76.700000000000002841,4,2,'["watch"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(1,'week','2026-01-05','2026-01-04 23:00:00.000000+00:00','steps','{count}',4,706.0,706.0,176.49999999999999999,18.5,439.0,158.0,439.0,4,2,'["watch"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(2,'day','2026-01-05','2026-01-04 23:00:00.000000+00:00','heart_rate','/min',1,NULL,61.0,61.0,61.0,61.0,61.0,61.0,1,NULL,'["fhir"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(2,'hour','2026-01-05','2026-01-05 07:00:00.000000+00:00','heart_rate','/min',1,NULL,61.0,61.0,61.0,61.0,61.0,61.0,NULL,NULL,'["fhir"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(2,'month','2026-01-01','2025-12-31 23:00:00.000000+00:00','heart_rate','/min',1,NULL,61.0,61.0,61.0,61.0,61.0,61.0,1,1,'["fhir"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
INSERT INTO vitals_aggregates VALUES(2,'week','2026-01-05','2026-01-04 23:00:00.000000+00:00','heart_rate','/min',1,NULL,61.0,61.0,61.0,61.0,61.0,61.0,1,1,'["fhir"]',0,3,'2026-01-07 08:00:00.000000+00:00',0,0,NULL,NULL,NULL,NULL);
CREATE TABLE retention_runs (
    domain text primary key,
    -- The machine's clock at the last round that was not refused.
    ran_at text,
    refused text,
    refused_since text,
    -- Groups that were old at the first round of that day, how many of them
    -- may be sealed on that day, and how many were.
    waiting integer not null default 0,
    allowance integer not null default 0,
    removed integer not null default 0,
    -- Old groups that are dead and keep their raw rows.
    dead_groups integer not null default 0,
    oldest_dead text
);
CREATE TABLE file_commits (
  only integer primary key default 1 check (only = 1),
  id text not null default (lower(hex(randomblob(16)))),
  commits integer not null default 0
);
INSERT INTO file_commits VALUES(1,'ab84faf2b747549b5e2542f612e9addc',22);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('raw_vitals',16);
INSERT INTO sqlite_sequence VALUES('raw_labs',6);
INSERT INTO sqlite_sequence VALUES('raw_nutrition',4);
CREATE INDEX aggregation_groups_due on aggregation_groups (domain, next_attempt_at) where state = 'due';
CREATE INDEX aggregation_batches_started_at on aggregation_batches (started_at);
CREATE UNIQUE INDEX raw_vitals_source_id on raw_vitals (user_id, source, source_id, (metric)) where source_id is not null;
CREATE INDEX raw_vitals_group on raw_vitals (user_id, local_date);
CREATE INDEX raw_vitals_pending on raw_vitals (user_id, local_date) where status = 'pending';
CREATE INDEX raw_vitals_refused on raw_vitals (user_id, local_date) where status in ('failed', 'rejected');
CREATE TRIGGER raw_vitals_deleted after delete on raw_vitals
begin
    insert into aggregation_groups (user_id, domain, local_date)
    values (old.user_id, 'vitals', old.local_date)
    on conflict (user_id, domain, local_date) do update set
        version = version + 1,
        state = 'due',
        attempts = case state when 'dead' then 0 else attempts end,
        next_attempt_at = case state when 'dead' then excluded.next_attempt_at else next_attempt_at end,
        updated_at = excluded.updated_at;
end;
CREATE UNIQUE INDEX raw_labs_identity on raw_labs (
    user_id, coalesce(code, ''), name, coalesce(category, ''), coalesce(value, ''), coalesce(unit, ''), coalesce(reference_range, ''), coalesce(interpretation, ''), collected_at, source, coalesce(device, ''), coalesce(note, '')
) where source_id is null;
CREATE UNIQUE INDEX raw_labs_source_id on raw_labs (user_id, source, source_id, (coalesce(code, name))) where source_id is not null;
CREATE INDEX raw_labs_group on raw_labs (user_id, local_date);
CREATE INDEX raw_labs_pending on raw_labs (user_id, local_date) where status = 'pending';
CREATE INDEX raw_labs_refused on raw_labs (user_id, local_date) where status in ('failed', 'rejected');
CREATE TRIGGER raw_labs_edited after update of code, name, category, value, unit, reference_range, interpretation, collected_at, source, device, note, source_id, utc_offset_minutes, user_id on raw_labs
when old.code is not new.code or old.name is not new.name or old.category is not new.category or old.value is not new.value or old.unit is not new.unit or old.reference_range is not new.reference_range or old.interpretation is not new.interpretation or old.collected_at is not new.collected_at or old.source is not new.source or old.device is not new.device or old.note is not new.note or old.source_id is not new.source_id or old.utc_offset_minutes is not new.utc_offset_minutes or old.user_id is not new.user_id
begin
    insert into aggregation_groups (user_id, domain, local_date)
    select user_id, domain, local_date from (
        select old.user_id as user_id, 'labs' as domain, old.local_date as local_date
        union select new.user_id, 'labs', new.local_date
    ) where true
    on conflict (user_id, domain, local_date) do update set
        version = version + 1,
        state = 'due',
        attempts = case state when 'dead' then 0 else attempts end,
        next_attempt_at = case state when 'dead' then excluded.next_attempt_at else next_attempt_at end,
        updated_at = excluded.updated_at;
end;
CREATE TRIGGER raw_labs_deleted after delete on raw_labs
begin
    insert into aggregation_groups (user_id, domain, local_date)
    values (old.user_id, 'labs', old.local_date)
    on conflict (user_id, domain, local_date) do update set
        version = version + 1,
        state = 'due',
        attempts = case state when 'dead' then 0 else attempts end,
        next_attempt_at = case state when 'dead' then excluded.next_attempt_at else next_attempt_at end,
        updated_at = excluded.updated_at;
end;
CREATE VIEW labs_daily as select * from lab_aggregates where period = 'day';
CREATE VIEW labs_monthly as select * from lab_aggregates where period = 'month';
CREATE VIEW labs_quarterly as select * from lab_aggregates where period = 'quarter';
CREATE VIEW labs_yearly as select * from lab_aggregates where period = 'year';
CREATE UNIQUE INDEX raw_nutrition_identity on raw_nutrition (
    user_id, nutrient, coalesce(amount, ''), coalesce(unit, ''), coalesce(meal, ''), eaten_at, source, coalesce(device, ''), coalesce(note, '')
) where source_id is null;
CREATE UNIQUE INDEX raw_nutrition_source_id on raw_nutrition (user_id, source, source_id, (nutrient)) where source_id is not null;
CREATE INDEX raw_nutrition_group on raw_nutrition (user_id, local_date);
CREATE INDEX raw_nutrition_pending on raw_nutrition (user_id, local_date) where status = 'pending';
CREATE INDEX raw_nutrition_refused on raw_nutrition (user_id, local_date) where status in ('failed', 'rejected');
CREATE TRIGGER raw_nutrition_edited after update of nutrient, amount, unit, meal, eaten_at, source, device, note, source_id, utc_offset_minutes, user_id on raw_nutrition
when old.nutrient is not new.nutrient or old.amount is not new.amount or old.unit is not new.unit or old.meal is not new.meal or old.eaten_at is not new.eaten_at or old.source is not new.source or old.device is not new.device or old.note is not new.note or old.source_id is not new.source_id or old.utc_offset_minutes is not new.utc_offset_minutes or old.user_id is not new.user_id
begin
    insert into aggregation_groups (user_id, domain, local_date)
    select user_id, domain, local_date from (
        select old.user_id as user_id, 'nutrition' as domain, old.local_date as local_date
        union select new.user_id, 'nutrition', new.local_date
    ) where true
    on conflict (user_id, domain, local_date) do update set
        version = version + 1,
        state = 'due',
        attempts = case state when 'dead' then 0 else attempts end,
        next_attempt_at = case state when 'dead' then excluded.next_attempt_at else next_attempt_at end,
        updated_at = excluded.updated_at;
end;
CREATE TRIGGER raw_nutrition_deleted after delete on raw_nutrition
begin
    insert into aggregation_groups (user_id, domain, local_date)
    values (old.user_id, 'nutrition', old.local_date)
    on conflict (user_id, domain, local_date) do update set
        version = version + 1,
        state = 'due',
        attempts = case state when 'dead' then 0 else attempts end,
        next_attempt_at = case state when 'dead' then excluded.next_attempt_at else next_attempt_at end,
        updated_at = excluded.updated_at;
end;
CREATE VIEW nutrition_daily as select * from nutrition_aggregates where period = 'day';
CREATE VIEW nutrition_weekly as select * from nutrition_aggregates where period = 'week';
CREATE VIEW nutrition_monthly as select * from nutrition_aggregates where period = 'month';
CREATE INDEX aggregation_errors_group on aggregation_errors (user_id, domain, local_date);
CREATE INDEX aggregation_errors_failed_at on aggregation_errors (failed_at);
CREATE UNIQUE INDEX raw_vitals_identity on raw_vitals (
    user_id, metric, coalesce(value, ''), coalesce(comparator, ''), coalesce(unit, ''), started_at, ended_at, source, coalesce(device, ''), coalesce(note, '')
) where source_id is null;
CREATE TRIGGER raw_vitals_edited after update of metric, value, comparator, unit, started_at, ended_at, source, device, note, source_id, utc_offset_minutes, user_id on raw_vitals
when old.metric is not new.metric or old.value is not new.value or old.comparator is not new.comparator or old.unit is not new.unit or old.started_at is not new.started_at or old.ended_at is not new.ended_at or old.source is not new.source or old.device is not new.device or old.note is not new.note or old.source_id is not new.source_id or old.utc_offset_minutes is not new.utc_offset_minutes or old.user_id is not new.user_id
begin
    insert into aggregation_groups (user_id, domain, local_date)
    select user_id, domain, local_date from (
        select old.user_id as user_id, 'vitals' as domain, old.local_date as local_date
        union select new.user_id, 'vitals', new.local_date
    ) where true
    on conflict (user_id, domain, local_date) do update set
        version = version + 1,
        state = 'due',
        attempts = case state when 'dead' then 0 else attempts end,
        next_attempt_at = case state when 'dead' then excluded.next_attempt_at else next_attempt_at end,
        updated_at = excluded.updated_at;
end;
CREATE VIEW vitals_hourly as select * from vitals_aggregates where period = 'hour';
CREATE VIEW vitals_daily as select * from vitals_aggregates where period = 'day';
CREATE VIEW vitals_weekly as select * from vitals_aggregates where period = 'week';
CREATE VIEW vitals_monthly as select * from vitals_aggregates where period = 'month';
COMMIT;
