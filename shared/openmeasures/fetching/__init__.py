"""Getting new releases: from a publisher's landing page to the data folder.

| module | what |
|---|---|
| `dates` | the month and the day that a link's text or a file's name tells |
| `links` | the links of a page |
| `answers` | what a site's answer means |
| `web` | pages and files from a site, politely: one at a time, with pauses, as robots.txt allows |
| `finding` | the files that a source's pages offer |
| `record` | `reference/releases.csv`: every file ever fetched, with its address, dates and SHA-256 |
| `fetch` | all of it: find, download, verify, ingest, record |
| `ods` | the register of organisations, which is no publication: from a service, or from a report |

How a publisher lists its files is said beside the reader of the files: see `sources.Listing`.
"""
