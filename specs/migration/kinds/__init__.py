"""One module for each kind of spec that moves between generations: ``migrate`` (``specs.migration.Kind``)."""
