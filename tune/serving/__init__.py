"""Answering over HTTP: `topknot serve`."""
