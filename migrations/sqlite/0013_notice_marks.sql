-- What users have done with notices, each for themselves. A notice is no row: it is made of what there is.

CREATE TABLE notice_marks (
    user_name TEXT    NOT NULL,
    notice    TEXT    NOT NULL,
    mark      TEXT    NOT NULL CHECK (mark IN ('acknowledged', 'dismissed')),
    at        INTEGER NOT NULL,
    PRIMARY KEY (user_name, notice)
) STRICT, WITHOUT ROWID;
