PRAGMA application_id = 1382445928;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE credential (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        registry_id INTEGER NOT NULL REFERENCES registry (id),
        added INTEGER NOT NULL,
        state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'inactive', 'removed')),
        username TEXT NOT NULL,
        secret BLOB NOT NULL,
        email TEXT,
        issued_at TEXT,
        expires_at TEXT NOT NULL,
        created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')),
        updated TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')));
INSERT INTO "credential" VALUES(1,1,1,'active','acme',X'687562',NULL,'2026-03-01T12:00:00.000000+00:00','never','2026-11-25T19:12:39.602+00:00','2026-11-25T19:12:39.602+00:00');
INSERT INTO "credential" VALUES(2,2,1,'active','AWS',X'6F6E65',NULL,'2026-03-01T12:00:00.000000+00:00','never','2026-11-25T19:12:39.603+00:00','2026-11-25T19:12:39.603+00:00');
INSERT INTO "credential" VALUES(3,3,1,'active','AWS',X'70617468',NULL,'2026-03-01T12:00:00.000000+00:00','never','2026-11-25T19:12:39.603+00:00','2026-11-25T19:12:39.603+00:00');
INSERT INTO "credential" VALUES(4,2,2,'active','other',X'74776F',NULL,'2026-03-01T12:00:00.000000+00:00','never','2026-11-25T19:12:39.604+00:00','2026-11-25T19:12:39.604+00:00');
INSERT INTO "credential" VALUES(5,5,1,'active','AWS',X'62656C6F77',NULL,'2026-03-01T12:00:00.000000+00:00','never','2026-11-25T19:12:39.605+00:00','2026-11-25T19:12:39.605+00:00');
INSERT INTO "credential" VALUES(6,6,1,'active','AWS',X'656372',NULL,'2026-03-01T12:00:00.000000+00:00','2026-03-02T00:00:00.000000+00:00','2026-11-25T19:12:39.605+00:00','2026-11-25T19:12:39.605+00:00');
INSERT INTO "credential" VALUES(7,7,1,'active','by-hand','manual',NULL,NULL,'never','2026-11-25T19:12:39.611+00:00','2026-11-25T19:12:39.611+00:00');
INSERT INTO "credential" VALUES(8,9,1,'active','alone','only',NULL,NULL,'never','2026-11-25T19:12:39.611+00:00','2026-11-25T19:12:39.611+00:00');
CREATE TABLE delivery (
        provider TEXT NOT NULL,
        sink TEXT NOT NULL,
        target TEXT NOT NULL,
        registry TEXT NOT NULL,
        fingerprint BLOB,
        written TEXT,
        expires TEXT NOT NULL,
        failure TEXT, failed_at TEXT, attempts INTEGER, retry_at TEXT, repairs INTEGER NOT NULL DEFAULT 0, repaired TEXT NOT NULL DEFAULT '[]',
        PRIMARY KEY (provider, sink, target, registry)) WITHOUT ROWID;
INSERT INTO "delivery" VALUES('prod','store','default','docker.io',X'0000000000000000000000000000000000000000000000000000000000000000','2026-03-01T12:00:00.000000+00:00','never',NULL,NULL,NULL,NULL,0,'[]');
CREATE TABLE environment (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')));
INSERT INTO "environment" VALUES(1,'default','2026-11-25T19:12:39.602+00:00');
INSERT INTO "environment" VALUES(3,'prod','2026-11-25T19:12:39.605+00:00');
CREATE TABLE fingerprint_key (id INTEGER PRIMARY KEY CHECK (id = 1), value BLOB NOT NULL);
INSERT INTO "fingerprint_key" VALUES(1,X'4A79F6B1D045F27C23713A9CA543886B6DCD00E12E0BB4D37C4F098F98DE0397');
CREATE TABLE lease (
        provider TEXT PRIMARY KEY,
        registries TEXT NOT NULL,
        username TEXT NOT NULL,
        fingerprint BLOB,
        issued TEXT,
        received TEXT,
        expires TEXT NOT NULL,
        renew_at TEXT,
        settings TEXT NOT NULL,
        inputs TEXT NOT NULL,
        failure TEXT, failed_at TEXT, attempts INTEGER, retry_at TEXT, objections TEXT NOT NULL DEFAULT '[]') WITHOUT ROWID;
INSERT INTO "lease" VALUES('prod','["docker.io"]','acme',NULL,NULL,NULL,'never',NULL,'','',NULL,NULL,NULL,NULL,'[]');
CREATE TABLE registry (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        environment_id INTEGER NOT NULL REFERENCES environment (id),
        address TEXT NOT NULL COLLATE NOCASE,
        state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'inactive', 'removed')),
        created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')));
INSERT INTO "registry" VALUES(1,1,'docker.io','active','2026-11-25T19:12:39.602+00:00');
INSERT INTO "registry" VALUES(2,1,'registry.example:5000','active','2026-11-25T19:12:39.602+00:00');
INSERT INTO "registry" VALUES(3,1,'gcr.io/team','inactive','2026-11-25T19:12:39.603+00:00');
INSERT INTO "registry" VALUES(5,3,'docker.io/acme','active','2026-11-25T19:12:39.605+00:00');
INSERT INTO "registry" VALUES(6,3,'123456789012.dkr.ecr.us-west-2.amazonaws.com','active','2026-11-25T19:12:39.605+00:00');
INSERT INTO "registry" VALUES(7,1,'Index.Docker.io','active','2026-11-25T19:12:39.611+00:00');
INSERT INTO "registry" VALUES(8,1,'docker.io','removed','2026-11-25T19:12:39.611+00:00');
INSERT INTO "registry" VALUES(9,3,'registry-1.docker.io','active','2026-11-25T19:12:39.611+00:00');
CREATE UNIQUE INDEX registry_by_address
        ON registry (environment_id, address) WHERE state <> 'removed';
CREATE UNIQUE INDEX credential_by_age ON credential (registry_id, added);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('environment',3);
INSERT INTO "sqlite_sequence" VALUES('registry',9);
INSERT INTO "sqlite_sequence" VALUES('credential',8);
COMMIT;
