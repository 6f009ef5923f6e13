"""From executed notebooks to a site: pages, then rendering by Quarto or, where there is none, by smalldocs."""
