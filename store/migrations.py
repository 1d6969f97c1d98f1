"""The schema, as numbered steps that are applied in order, each in a transaction of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from store.errors import BadInput

if TYPE_CHECKING:
    from sqlite_utils import Database

RECORD = "_sqlite_migrations"  # where sqlite-utils notes which steps were applied

_STEPS: list[Callable[[Database], None]] = []


def _step(function: Callable[[Database], None]) -> Callable[[Database], None]:
    _STEPS.append(function)
    return function


@_step
def m001_datasets(db: Database) -> None:
    """Datasets with their items, users, sequences and events."""
    _create(
        db,
        """CREATE TABLE dataset (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('writing', 'ready')),
            request TEXT NOT NULL,
            platform TEXT NOT NULL,
            domain TEXT NOT NULL,
            synthetic INTEGER NOT NULL,
            source TEXT NOT NULL,
            split TEXT NOT NULL,
            split_settings TEXT NOT NULL,
            timed INTEGER NOT NULL,
            fingerprint TEXT NOT NULL DEFAULT '',
            users INTEGER NOT NULL DEFAULT 0,
            items INTEGER NOT NULL DEFAULT 0,
            interactions INTEGER NOT NULL DEFAULT 0,
            events TEXT NOT NULL DEFAULT '{}',
            dropped TEXT NOT NULL DEFAULT '{}',
            audit TEXT NOT NULL DEFAULT '{}',
            created TEXT NOT NULL
        ) STRICT""",
        "CREATE UNIQUE INDEX dataset_name ON dataset (name) WHERE state = 'ready'",
        """CREATE TABLE item (
            dataset_id INTEGER NOT NULL REFERENCES dataset (id) ON DELETE CASCADE,
            item INTEGER NOT NULL,
            key TEXT NOT NULL,
            title TEXT NOT NULL,
            description TEXT NOT NULL,
            category TEXT NOT NULL,
            fields TEXT NOT NULL,
            PRIMARY KEY (dataset_id, item)
        ) STRICT, WITHOUT ROWID""",
        "CREATE UNIQUE INDEX item_key ON item (dataset_id, key)",
        """CREATE TABLE user (
            dataset_id INTEGER NOT NULL REFERENCES dataset (id) ON DELETE CASCADE,
            user INTEGER NOT NULL,
            key TEXT NOT NULL,
            PRIMARY KEY (dataset_id, user)
        ) STRICT, WITHOUT ROWID""",
        "CREATE UNIQUE INDEX user_key ON user (dataset_id, key)",
        """CREATE TABLE sequence (
            dataset_id INTEGER NOT NULL REFERENCES dataset (id) ON DELETE CASCADE,
            sequence INTEGER NOT NULL,
            user INTEGER NOT NULL,
            train_length INTEGER NOT NULL,
            items BLOB NOT NULL,
            timestamps BLOB,
            ratings BLOB,
            PRIMARY KEY (dataset_id, sequence)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX sequence_user ON sequence (dataset_id, user)",
        """CREATE TABLE event (
            dataset_id INTEGER NOT NULL REFERENCES dataset (id) ON DELETE CASCADE,
            event INTEGER NOT NULL,
            user INTEGER NOT NULL,
            sequence INTEGER NOT NULL,
            length INTEGER NOT NULL,
            item INTEGER NOT NULL,
            timestamp INTEGER,
            rating REAL,
            split TEXT NOT NULL CHECK (split IN ('train', 'valid', 'test')),
            PRIMARY KEY (dataset_id, event)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX event_user ON event (dataset_id, user)",
    )


@_step
def m002_models_and_embeddings(db: Database) -> None:
    """Models, and sentence vectors in blocks that are kept by content."""
    _create(
        db,
        """CREATE TABLE model (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL CHECK (kind IN ('text', 'baseline')),
            variant TEXT NOT NULL,
            backbone TEXT NOT NULL,
            folder TEXT NOT NULL,
            weights_hash TEXT NOT NULL,
            tokenizer_hash TEXT NOT NULL,
            features TEXT NOT NULL,
            recipe TEXT NOT NULL,
            lineage TEXT NOT NULL,
            seed INTEGER,
            code_version TEXT NOT NULL,
            device TEXT NOT NULL,
            created TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE embedding_block (
            id INTEGER PRIMARY KEY,
            encoder TEXT NOT NULL,
            rows INTEGER NOT NULL,
            dimension INTEGER NOT NULL,
            dtype TEXT NOT NULL,
            hash TEXT NOT NULL,
            keys BLOB NOT NULL,
            data BLOB NOT NULL
        ) STRICT""",
        "CREATE INDEX embedding_block_encoder ON embedding_block (encoder)",
    )


@_step
def m003_evaluations(db: Database) -> None:
    """Evaluations: ranks and top lists per event in blocks, and metrics per slice."""
    _create(
        db,
        """CREATE TABLE evaluation (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('writing', 'ready')),
            model_id INTEGER NOT NULL REFERENCES model (id) ON DELETE CASCADE,
            dataset_id INTEGER NOT NULL REFERENCES dataset (id) ON DELETE CASCADE,
            split TEXT NOT NULL,
            protocol TEXT NOT NULL,
            candidates INTEGER NOT NULL,
            n INTEGER NOT NULL DEFAULT 0,
            seconds REAL NOT NULL DEFAULT 0,
            device TEXT NOT NULL DEFAULT '',
            created TEXT NOT NULL
        ) STRICT""",
        "CREATE UNIQUE INDEX evaluation_key ON evaluation (key) WHERE state = 'ready'",
        "CREATE INDEX evaluation_dataset ON evaluation (dataset_id)",
        "CREATE INDEX evaluation_model ON evaluation (model_id)",
        """CREATE TABLE rank_block (
            evaluation_id INTEGER NOT NULL REFERENCES evaluation (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            first_row INTEGER NOT NULL,
            dtype TEXT NOT NULL,
            shape TEXT NOT NULL,
            hash TEXT NOT NULL,
            data BLOB NOT NULL,
            PRIMARY KEY (evaluation_id, name, first_row)
        ) STRICT""",
        """CREATE TABLE metric (
            evaluation_id INTEGER NOT NULL REFERENCES evaluation (id) ON DELETE CASCADE,
            slice TEXT NOT NULL,
            value TEXT NOT NULL,
            metric TEXT NOT NULL,
            seen TEXT NOT NULL CHECK (seen IN ('keep', 'mask')),
            position INTEGER NOT NULL,
            n INTEGER NOT NULL,
            users INTEGER NOT NULL,
            mean REAL NOT NULL,
            low REAL NOT NULL,
            high REAL NOT NULL,
            user_mean REAL NOT NULL,
            user_low REAL NOT NULL,
            user_high REAL NOT NULL,
            lower REAL NOT NULL,
            upper REAL NOT NULL,
            PRIMARY KEY (evaluation_id, slice, value, metric, seen)
        ) STRICT, WITHOUT ROWID""",
    )


@_step
def m004_ui_state(db: Database) -> None:
    """What the workbench remembers between visits."""
    _create(db, "CREATE TABLE ui_state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID")


@_step
def m005_jobs(db: Database) -> None:
    """Jobs, what they told, and the series of the phases they trained."""
    _create(
        db,
        """CREATE TABLE job (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            arguments TEXT NOT NULL,
            folder TEXT NOT NULL,
            state TEXT NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'starting', 'running', 'succeeded', 'failed', 'cancelled', 'lost')),
            pid INTEGER,
            host TEXT NOT NULL DEFAULT '',
            device TEXT NOT NULL DEFAULT '',
            created TEXT NOT NULL,
            started TEXT NOT NULL DEFAULT '',
            finished TEXT NOT NULL DEFAULT '',
            seconds REAL NOT NULL DEFAULT 0,
            beats INTEGER NOT NULL DEFAULT 0,
            stage TEXT NOT NULL DEFAULT '',
            done INTEGER NOT NULL DEFAULT 0,
            total INTEGER NOT NULL DEFAULT 0,
            message TEXT NOT NULL DEFAULT '',
            cancel TEXT NOT NULL DEFAULT '' CHECK (cancel IN ('', 'asked')),
            resumes INTEGER REFERENCES job (id) ON DELETE SET NULL,
            exit_code INTEGER
        ) STRICT""",
        "CREATE INDEX job_state ON job (state)",
        """CREATE TABLE job_event (
            job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            at TEXT NOT NULL,
            kind TEXT NOT NULL,
            message TEXT NOT NULL,
            PRIMARY KEY (job_id, number)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE job_phase (
            job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
            phase TEXT NOT NULL,
            PRIMARY KEY (job_id, phase)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE job_series (
            id INTEGER PRIMARY KEY,
            phase TEXT NOT NULL,
            name TEXT NOT NULL,
            UNIQUE (phase, name)
        ) STRICT""",
        """CREATE TABLE job_point (
            series_id INTEGER NOT NULL REFERENCES job_series (id) ON DELETE CASCADE,
            step INTEGER NOT NULL,
            value REAL,
            seconds REAL NOT NULL,
            PRIMARY KEY (series_id, step)
        ) STRICT, WITHOUT ROWID""",
    )


@_step
def m006_trained_phases(db: Database) -> None:
    """Finished training phases by content, shared by the models whose chains begin alike."""
    _create(
        db,
        """CREATE TABLE trained_phase (
            key TEXT PRIMARY KEY,
            phase TEXT NOT NULL,
            parent TEXT NOT NULL,
            settings TEXT NOT NULL,
            datasets TEXT NOT NULL,
            seed INTEGER NOT NULL,
            summary TEXT NOT NULL,
            weights_hash TEXT NOT NULL,
            code_version TEXT NOT NULL,
            device TEXT NOT NULL,
            seconds REAL NOT NULL,
            created TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
    )


@_step
def m007_trained_baselines(db: Database) -> None:
    """Baselines with weights of their own, one set for each dataset that they were trained on."""
    _create(
        db,
        """CREATE TABLE trained_baseline (
            key TEXT PRIMARY KEY,
            model_id INTEGER NOT NULL REFERENCES model (id) ON DELETE CASCADE,
            dataset_id INTEGER NOT NULL REFERENCES dataset (id) ON DELETE CASCADE,
            folder TEXT NOT NULL,
            weights_hash TEXT NOT NULL,
            settings TEXT NOT NULL,
            summary TEXT NOT NULL,
            seconds REAL NOT NULL,
            device TEXT NOT NULL,
            code_version TEXT NOT NULL,
            created TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX trained_baseline_model ON trained_baseline (model_id)",
        "CREATE INDEX trained_baseline_dataset ON trained_baseline (dataset_id)",
    )


@_step
def m008_ratings(db: Database) -> None:
    """Rating predictions per event, and their errors per slice."""
    _create(
        db,
        """CREATE TABLE rating_run (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            predictor TEXT NOT NULL,
            features TEXT NOT NULL,
            dataset_id INTEGER NOT NULL REFERENCES dataset (id) ON DELETE CASCADE,
            settings TEXT NOT NULL,
            summary TEXT NOT NULL,
            seed INTEGER NOT NULL,
            n INTEGER NOT NULL,
            seconds REAL NOT NULL,
            device TEXT NOT NULL,
            code_version TEXT NOT NULL,
            created TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX rating_run_dataset ON rating_run (dataset_id)",
        """CREATE TABLE rating_block (
            run_id INTEGER NOT NULL REFERENCES rating_run (id) ON DELETE CASCADE,
            name TEXT NOT NULL CHECK (name IN ('event', 'predicted')),
            first_row INTEGER NOT NULL,
            dtype TEXT NOT NULL,
            shape TEXT NOT NULL,
            hash TEXT NOT NULL,
            data BLOB NOT NULL,
            PRIMARY KEY (run_id, name, first_row)
        ) STRICT""",
        """CREATE TABLE rating_error (
            run_id INTEGER NOT NULL REFERENCES rating_run (id) ON DELETE CASCADE,
            slice TEXT NOT NULL,
            value TEXT NOT NULL,
            metric TEXT NOT NULL CHECK (metric IN ('rmse', 'mae')),
            position INTEGER NOT NULL,
            n INTEGER NOT NULL,
            users INTEGER NOT NULL,
            mean REAL NOT NULL,
            low REAL NOT NULL,
            high REAL NOT NULL,
            user_mean REAL NOT NULL,
            user_low REAL NOT NULL,
            user_high REAL NOT NULL,
            PRIMARY KEY (run_id, slice, value, metric)
        ) STRICT, WITHOUT ROWID""",
    )


@_step
def m009_projections(db: Database) -> None:
    """Maps of embeddings: two coordinates and the nearest neighbours in the original space for each point."""
    _create(
        db,
        """CREATE TABLE projection (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            model_id INTEGER NOT NULL REFERENCES model (id) ON DELETE CASCADE,
            kind TEXT NOT NULL CHECK (kind IN ('items', 'users')),
            method TEXT NOT NULL CHECK (method IN ('tsne', 'umap')),
            datasets TEXT NOT NULL,
            parameters TEXT NOT NULL,
            quality TEXT NOT NULL,
            seed INTEGER NOT NULL,
            n INTEGER NOT NULL,
            seconds REAL NOT NULL,
            device TEXT NOT NULL,
            code_version TEXT NOT NULL,
            created TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX projection_model ON projection (model_id)",
        """CREATE TABLE projection_block (
            projection_id INTEGER NOT NULL REFERENCES projection (id) ON DELETE CASCADE,
            name TEXT NOT NULL CHECK (name IN ('dataset', 'row', 'place', 'neighbours')),
            first_row INTEGER NOT NULL,
            dtype TEXT NOT NULL,
            shape TEXT NOT NULL,
            hash TEXT NOT NULL,
            data BLOB NOT NULL,
            PRIMARY KEY (projection_id, name, first_row)
        ) STRICT""",
    )


@_step
def m010_experiments(db: Database) -> None:
    """Experiments that were asked for here, with the definition and the arguments of the last time."""
    _create(
        db,
        """CREATE TABLE experiment (
            name TEXT PRIMARY KEY,
            definition TEXT NOT NULL,
            arguments TEXT NOT NULL,
            code_version TEXT NOT NULL,
            updated TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
    )


@_step
def m011_ties(db: Database) -> None:
    """What decides between events of a user that share a time; datasets of before took the order of the rows."""
    _create(
        db,
        "ALTER TABLE dataset ADD COLUMN ties TEXT NOT NULL DEFAULT 'file'"
        " CHECK (ties IN ('shuffle', 'file', 'strict'))",
        "ALTER TABLE dataset ADD COLUMN tie_seed INTEGER NOT NULL DEFAULT 0",
    )


@_step
def m012_rearranged(db: Database) -> None:
    """Datasets that are another with its events of one time in another order; figures that are measured when asked."""
    _create(
        db,
        "ALTER TABLE dataset ADD COLUMN arranged_from INTEGER REFERENCES dataset (id) ON DELETE CASCADE",
        "ALTER TABLE dataset ADD COLUMN arrangement TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX dataset_arranged_from ON dataset (arranged_from)",
        """CREATE TABLE dataset_figure (
            dataset_id INTEGER NOT NULL REFERENCES dataset (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            version INTEGER NOT NULL,
            found TEXT NOT NULL,
            PRIMARY KEY (dataset_id, name)
        ) STRICT, WITHOUT ROWID""",
    )


@_step
def m013_searches(db: Database) -> None:
    """Searches over a model's settings, and their trials; the models of trials are marked as such."""
    _create(
        db,
        "ALTER TABLE model ADD COLUMN trial INTEGER NOT NULL DEFAULT 0 CHECK (trial IN (0, 1))",
        """CREATE TABLE search (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            model TEXT NOT NULL,
            dataset_id INTEGER NOT NULL REFERENCES dataset (id) ON DELETE CASCADE,
            request TEXT NOT NULL,
            metric TEXT NOT NULL,
            seen TEXT NOT NULL CHECK (seen IN ('keep', 'mask')),
            code_version TEXT NOT NULL,
            created TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX search_dataset ON search (dataset_id)",
        """CREATE TABLE trial (
            search_id INTEGER NOT NULL REFERENCES search (id) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            model TEXT NOT NULL,
            settings TEXT NOT NULL,
            seed INTEGER,
            state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed')),
            message TEXT NOT NULL DEFAULT '',
            seconds REAL NOT NULL DEFAULT 0,
            evaluation_id INTEGER REFERENCES evaluation (id) ON DELETE SET NULL,
            PRIMARY KEY (search_id, number)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX trial_evaluation ON trial (evaluation_id)",
    )


VERSION = len(_STEPS)


def check_version(db: sqlite3.Connection, where: object) -> int:
    """The database's version, 0 for a new file; refuses one that a newer or an altogether different program wrote."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and RECORD not in tables:
        raise BadInput(
            f"{where}: this SQLite database is not a workspace of st5 (it holds {', '.join(sorted(tables)[:3])}). "
            "It was left as it is. Choose another folder with --workspace."
        )
    if version > VERSION:
        raise BadInput(
            f"{where}: this workspace has version {version}, this program knows versions up to {VERSION}. "
            "It was left as it is. Update st5, or choose another workspace with --workspace."
        )
    return version


def migrate(db: sqlite3.Connection, version: int = VERSION) -> None:
    """Bring the database up to `version`; each step is one transaction, recorded by name, and all in `user_version`."""
    from sqlite_utils import Database, Migrations

    steps = Migrations("st5")
    for function in _STEPS[:version]:
        steps(name=function.__name__)(function)
    steps.apply(Database(db))
    db.execute(f"PRAGMA user_version = {version}")


def _create(db: Database, *statements: str) -> None:
    for statement in statements:
        db.execute(statement)
