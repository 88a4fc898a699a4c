"""A misspelt field, which mypy refuses. See `refuses` in commands.json."""

from generated.models import UserCreatedPayload

UserCreatedPayload(user_id="user-4711", utc_offest="+0100")
