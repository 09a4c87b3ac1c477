"""When an alert is raised, escalates and clears. Pure: rules, rows and Kafka's time in, changes out; time is the frames' own.

`rules` what a file may say · `reading` the file, its schema · `expressions` the language of conditions · `columns` rows as arrays ·
`derived` means, rates and deviations over time · `conditions` rules over columns · `watch` one vehicle under one rule · `memory` all that
is remembered of the vehicles · `evaluation` a batch through all of it · `history` the late ones · `engine` the front door · `desk` alerts
as people see them.
"""
