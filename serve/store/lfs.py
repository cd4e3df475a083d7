"""Permits to upload one content into one namespace; the permit is part of the address and replaces the credentials.

Clients of the hub send an upload without their key, and without headers that we could give them.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass

from serve.errors import ForbiddenError

VALID_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class Permit:
    """To upload.

    Attributes:
        namespace: Namespace that receives the content.
        sha256: SHA-256 of the content.
        size: Size of the content, in bytes.
        expires: Seconds since 1970.
    """

    namespace: str
    sha256: str
    size: int
    expires: int

    @classmethod
    def now(cls, namespace: str, sha256: str, size: int) -> Permit:
        """A permit that is valid for a day."""
        return cls(namespace=namespace, sha256=sha256, size=size, expires=int(time.time()) + VALID_SECONDS)

    def signature(self, secret: bytes) -> str:
        """64 hex digits, that only who has the secret can make."""
        text = "\n".join(["lfs", self.namespace, self.sha256, str(self.size), str(self.expires)])
        return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()

    def check(self, secret: bytes, signature: str) -> None:
        """Refuse a permit that this service did not sign, or that is too old.

        Raises:
            ForbiddenError: It is.
        """
        if not hmac.compare_digest(self.signature(secret).encode(), signature.encode()):
            raise ForbiddenError("the address of this upload was not made here")
        if self.expires < time.time():
            raise ForbiddenError("the address of this upload was valid for a day; ask for another")
