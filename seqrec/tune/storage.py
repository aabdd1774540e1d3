"""Where the trials of a study are kept: a file, or a database that machines share."""

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import optuna
import sqlalchemy
from filelock import FileLock
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from seqrec.errors import ConfigError, RunError
from seqrec.run.folder import RunFolder
from seqrec.tune import DRIVER, POSTGRES, hide_password

EXAMPLE = "postgresql+psycopg://user@host/database"
REASONS = (  # what a server says in the language of its log, and what to do
    ("password", "set PGPASSWORD, or write the password into ~/.pgpass"),
    ("does not exist", "create the database and the user: createdb, createuser"),
    ("refused", "start the server, or correct host and port"),
    ("resolve", "correct the host"),
)


class Place:
    """The storage of one study.

    A file belongs to whoever sees its folder; a trial whose process died is found by the lock of
    its folder. In a database each process leaves a sign of life every so many seconds; a trial
    without one for twice as long has died.

    Args:
        folder: the folder of the study.
        url: of a database; None: a file in the folder.
        study: the study's name.
        heartbeat: seconds between two signs of life.
    """

    def __init__(self, folder: Path, url: str | None, study: str, heartbeat: int) -> None:
        self.folder, self.study, self.heartbeat = folder, study, heartbeat
        self.url = None if url is None else _parsed(url)

    @property
    def name(self) -> str:
        """Where it is, without a password."""
        return str(self.folder) if self.url is None else hide_password(str(self.url))

    def open(self) -> BaseStorage:
        """Open it; call it within a :meth:`turn`, as the first process creates the tables.

        Raises:
            ConfigError: the database can't be opened.
        """
        if self.url is None:
            return JournalStorage(JournalFileBackend(str(self.folder / "study.jsonl")))
        with self.told(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            try:
                return RDBStorage(
                    self.url.render_as_string(hide_password=False),
                    engine_kwargs={"pool_pre_ping": True},  # a server may restart during a trial
                    heartbeat_interval=self.heartbeat,
                    heartbeat_stale_trial_callback=_try_again,
                )
            except ImportError as error:
                raise self._in_words(error) from None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the study against other processes: on any machine, if it is in PostgreSQL.

        Raises:
            ConfigError: the database can't be opened.
        """
        if self.url is None or not self.url.drivername.startswith(POSTGRES):
            with FileLock(self.folder / ".lock"):
                yield
            return
        key = int.from_bytes(hashlib.sha256(self.study.encode()).digest()[:8], signed=True)
        with self.told():
            engine = sqlalchemy.create_engine(
                self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT"
            )
            connection = engine.connect()
        with connection:  # the lock goes with the connection, even if the process is killed
            with self.told():
                lock = sqlalchemy.func.pg_advisory_lock(key)
                connection.execute(sqlalchemy.select(lock))
            yield

    def revive(self, study: optuna.Study) -> None:
        """Mark trials whose process died as failed, and queue them again."""
        if self.url is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                optuna.storages.fail_stale_trials(study)
            return
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            folder = Path(trial.user_attrs.get("folder", ""))
            if not trial.user_attrs.get("folder") or not folder.is_dir():
                continue  # it has hardly begun
            with suppress(RunError), RunFolder(folder).held():  # else it runs
                now = study.get_trials(deepcopy=False)[trial.number]  # it may have ended since
                if now.state == TrialState.RUNNING:
                    study.tell(trial.number, state=TrialState.FAIL)
                    _try_again(study, trial)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Say what an error of a database means.

        Raises:
            ConfigError: the database can't be used.
        """
        try:
            yield
        except (SQLAlchemyError, StorageInternalError) as error:
            raise self._in_words(error) from None  # a chain could print the URL

    def _in_words(self, error: Exception) -> ConfigError:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        if self.url is not None and self.url.password:
            reason = reason.replace(str(self.url.password), "***")
        fixes = [fix for word, fix in REASONS if word in reason]
        todo = fixes[0] if fixes else f"give a URL such as {EXAMPLE}, or leave storage out"
        what = f"the database can't be used: {reason}"
        return ConfigError(what, where=f"storage={self.name}", todo=todo)


def _parsed(url: str) -> sqlalchemy.URL:
    """Return the parts of a URL; PostgreSQL is spoken to by the driver that the extra installs.

    Raises:
        ConfigError: it isn't a URL of a database.
    """
    try:
        parsed = sqlalchemy.make_url(url)
        if not parsed.drivername.startswith(POSTGRES):
            parsed.get_dialect()
    except (ArgumentError, SQLAlchemyError, ImportError, ValueError):
        raise ConfigError(
            "the database can't be opened: this isn't a URL of one",
            where=f"storage={hide_password(url)}",
            todo=f"give a URL such as {EXAMPLE} or sqlite:///study.db, or leave storage out",
        ) from None
    name = f"{POSTGRES}ql+{DRIVER}"
    return parsed.set(drivername=name) if parsed.drivername.startswith(POSTGRES) else parsed


def _try_again(study: optuna.Study, trial: FrozenTrial) -> None:
    """Queue the settings of a trial whose process died."""
    study.enqueue_trial(trial.params)
