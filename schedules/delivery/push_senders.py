"""Whom this service can hand push messages to, by its settings."""

from config import Settings
from schedules.delivery.channels import ChannelSender
from schedules.delivery.channels.apns import ApnsApp, ApnsSender
from schedules.delivery.channels.expo import ExpoSender, ExpoService
from schedules.delivery.channels.fcm import FcmProject, FcmSender
from schedules.delivery.channels.web_push import WebPushSender, WebPushSigner
from schedules.plan.vocabulary import Provider


def make_push_senders(settings: Settings) -> dict[Provider, ChannelSender]:
    """Return the senders of the push providers that are set up. Raises ValueError for a key that cannot sign."""
    senders: dict[Provider, ChannelSender] = {}
    if settings.fcm_credentials is not None:
        account = settings.fcm_credentials
        project = FcmProject(
            settings.fcm_url, account.project_id, account.client_email, account.token_uri, account.private_key
        )
        senders[Provider.fcm] = FcmSender(project)
    if settings.apns_key is not None:
        senders[Provider.apns] = ApnsSender(_apns_app(settings, settings.apns_key))
    if (expo := make_expo_sender(settings)) is not None:
        senders[Provider.expo] = expo
    if settings.web_push_key is not None:
        contact, hosts = settings.web_push_contact or "", settings.web_push_hosts
        senders[Provider.web_push] = WebPushSender(WebPushSigner(settings.web_push_key, contact, hosts))
    return senders


def make_expo_sender(settings: Settings) -> ExpoSender | None:
    """Return the sender to Expo, if that is set up."""
    return None if settings.expo_url is None else ExpoSender(ExpoService(settings.expo_url, settings.expo_token))


def _apns_app(settings: Settings, key: str) -> ApnsApp:
    return ApnsApp(
        url=settings.apns_url,
        topic=settings.apns_topic or "",
        team_id=settings.apns_team_id or "",
        key_id=settings.apns_key_id or "",
        key=key,
    )
