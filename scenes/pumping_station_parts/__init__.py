"""The pumping station's scene in pieces: parts, hall, machines, storage, piping, site, twins, bindings."""
