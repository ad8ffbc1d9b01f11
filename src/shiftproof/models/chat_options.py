"""How language models are asked, whatever stands between them and us."""

from __future__ import annotations

from dataclasses import dataclass, field

from shiftproof._errors import must
from shiftproof.models.chat_throttle import Spending
from shiftproof.models.posting import EndpointOptions


@dataclass(frozen=True)
class ChatOptions:
    """How a language model is asked.

    Args:
        concurrency: requests under way at once at most, at least 1; it begins with 2 and grows as answers come, and halves at each 429.
        timeout: seconds until a request counts as lost, above 0.
        attempts: tries of one request, at least 1. What the model answered never leads to another.
        most_tokens_each: length of an answer at most, at least 1.
        temperature: 0 for the likeliest answer.
        top: how many alternatives of the first token are asked for, 0 to 20; 0 for none.
        most_requests: requests in all, tries again among them, at least 1; None for no limit.
        most_tokens: tokens in all, as the endpoint counts them, at least 1; None for no limit.
        auth_env: name of the environment variable with the value of the Authorization header, such as "Bearer KEY".
    """

    concurrency: int = 16
    timeout: float = 60.0
    attempts: int = 5
    most_tokens_each: int = 64
    temperature: float = 0.0
    top: int = 20
    most_requests: int | None = None
    most_tokens: int | None = None
    auth_env: str = "SHIFTPROOF_ENDPOINT_AUTH"
    spending: Spending = field(init=False, repr=False)
    """What all models of these options have spent together, in this process."""

    def __post_init__(self) -> None:
        counts = {"most_tokens_each": self.most_tokens_each, "max_requests": self.most_requests, "max_tokens": self.most_tokens}
        for option, value in counts.items():
            if value is not None and value < 1:
                raise must(option, "the language model", "be at least 1", value)
        if not 0 <= self.top <= 20:
            raise must("top", "the language model", "be in [0, 20]", self.top)
        if not 0 <= self.temperature <= 2:
            raise must("temperature", "the language model", "be in [0, 2]", self.temperature)
        _ = self.posting  # it checks the others
        object.__setattr__(self, "spending", Spending(self.most_requests, self.most_tokens))

    @property
    def posting(self) -> EndpointOptions:
        """As requests are made."""
        return EndpointOptions(1, self.concurrency, self.timeout, self.attempts, auth_env=self.auth_env)
