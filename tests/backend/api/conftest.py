"""The same open shop as for the stories, looked at through its HTTP door."""

from tests.backend.services.conftest import bank, customer, open_shop, shop

__all__ = ["bank", "customer", "open_shop", "shop"]
