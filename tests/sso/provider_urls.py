"""The provider's addresses, and what it tells of somebody besides their name."""

from typing import Any

from django.contrib.auth.views import LoginView
from django.urls import include, path
from oauth2_provider.oauth2_validators import OAuth2Validator


class Validator(OAuth2Validator):
    """Tells the e-mail address, and whether it was verified."""

    oidc_claim_scope = None

    def get_additional_claims(self, request: Any) -> dict[str, Any]:
        """Return what stands in the token besides what must."""
        return {"email": request.user.email, "email_verified": request.user.first_name == "verified"}


urlpatterns = [path("login/", LoginView.as_view()), path("o/", include("oauth2_provider.urls"))]
