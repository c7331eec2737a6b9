"""The same open shop as for the stories, with an eye on its background work."""

from tests.backend.services.conftest import bank, customer, open_shop, shop

__all__ = ["bank", "customer", "open_shop", "shop"]
