"""Load jobs of BigQuery, over its REST API (jobs.insert and jobs.get, version 2)."""

from collections.abc import Sequence
from typing import Any, Final, Protocol
from urllib.parse import quote

from app.errors import UserError, install_command
from app.events.visible_text import visible_line
from app.warehouse.tables import Type

ADDRESS: Final = "https://bigquery.googleapis.com"
SCOPE: Final = "https://www.googleapis.com/auth/bigquery"
ANSWER_S_MAX: Final = 60
TYPES: Final[dict[Type, str]] = {"text": "STRING", "whole": "INTEGER", "small": "INTEGER", "time": "TIMESTAMP"}
HINT: Final = (
    "credentials are Google's Application Default Credentials: GOOGLE_APPLICATION_CREDENTIALS, or the account of the "
    "pod or machine; they need the roles BigQuery Job User on the project, BigQuery Data Editor on the dataset and "
    "Storage Object User on the bucket"
)
AGAIN: Final = "run the command again: it goes on where it was"


class Jobs(Protocol):
    """Jobs by their ids. Every method blocks. Raises UserError."""

    def insert(self, job_id: str, load: dict[str, Any]) -> bool:
        """Starts a load job; False if there is, or was, a job of this id."""

    def status(self, job_id: str) -> dict[str, Any] | None:
        """The status of a job, as the API has it; None if there is none."""


def load_configuration(
    project: str, dataset: str, table: str, columns: dict[str, Type], day: str, uris: Sequence[str]
) -> dict[str, Any]:
    """A job that replaces the partition of a day by the rows of files. The table is made if it is not there.

    BigQuery replaces a partition in one step when the job ends well, and not at all if it fails.
    """
    return {
        "sourceUris": list(uris),
        "sourceFormat": "PARQUET",
        "destinationTable": {
            "projectId": project,
            "datasetId": dataset,
            "tableId": f"{table}${day.replace('-', '')}",
        },
        "timePartitioning": {"type": "DAY"},
        "createDisposition": "CREATE_IF_NEEDED",
        "writeDisposition": "WRITE_TRUNCATE",
        "schema": {"fields": [{"name": name, "type": TYPES[kind]} for name, kind in columns.items()]},
        "schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"],
    }


class BigQueryJobs:
    """Jobs of a project. `endpoint`: the address of an emulator, which gets no credentials."""

    def __init__(self, project: str, *, location: str | None = None, endpoint: str | None = None) -> None:
        try:
            import google.auth
            import google.auth.credentials
            from google.auth.transport import requests
        except ImportError:
            raise UserError("loading into BigQuery needs google-auth", hint=install_command("bigquery")) from None
        self._auth: Any = google.auth
        self._project = project
        self._location = location
        self._url = f"{(endpoint or ADDRESS).rstrip('/')}/bigquery/v2/projects/{quote(project, safe='')}/jobs"
        try:
            found = self._auth.credentials.AnonymousCredentials() if endpoint else self._auth.default(scopes=[SCOPE])[0]
        except self._auth.exceptions.GoogleAuthError as error:
            raise UserError(f"there are no credentials for BigQuery: {visible_line(str(error))}", hint=HINT) from None
        session: Any = requests.AuthorizedSession
        self._session = session(found)

    def insert(self, job_id: str, load: dict[str, Any]) -> bool:
        """See `Jobs`."""
        reference = {"projectId": self._project, "jobId": job_id}
        if self._location:
            reference["location"] = self._location
        body = {"jobReference": reference, "configuration": {"load": load}}
        code, answer = self._ask("POST", self._url, json=body)
        if code == 409:
            return False
        if code != 200:
            raise self._refused(code, answer)
        return True

    def status(self, job_id: str) -> dict[str, Any] | None:
        """See `Jobs`."""
        params = {"location": self._location} if self._location else {}
        code, answer = self._ask("GET", f"{self._url}/{job_id}", params=params)
        if code == 404:
            return None
        if code != 200 or not isinstance(answer.get("status"), dict):
            raise self._refused(code, answer)
        status: dict[str, Any] = answer["status"]
        return status

    def _ask(self, method: str, url: str, **how: Any) -> tuple[int, dict[str, Any]]:
        try:
            answer = self._session.request(method, url, timeout=ANSWER_S_MAX, allow_redirects=False, **how)
        except self._auth.exceptions.RefreshError as error:
            raise UserError(f"Google refuses the credentials: {visible_line(str(error))}", hint=HINT) from None
        except (self._auth.exceptions.GoogleAuthError, OSError) as error:  # those of requests are OSErrors
            raise UserError(f"BigQuery does not answer: {visible_line(str(error))}", hint=AGAIN) from None
        try:
            said = answer.json()
        except ValueError:
            said = {}
        return answer.status_code, said if isinstance(said, dict) else {}

    def _refused(self, code: int, answer: dict[str, Any]) -> UserError:
        error = answer.get("error")
        message = error.get("message") if isinstance(error, dict) else None
        said = visible_line(str(message or "without a message"))
        if code >= 500 or code == 429:
            return UserError(f"BigQuery answers {code}: {said}", hint=AGAIN)
        return UserError(f"BigQuery answers {code}: {said}", hint=HINT)
