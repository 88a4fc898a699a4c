//! Values to put into the fields of events.

/// One value of every kind in JSON.
pub(super) const KINDS: &[(&str, &str, &str)] = &[
    ("null", "null", "null"),
    ("a boolean", "boolean", "false"),
    ("a number", "integer", "7"),
    ("a decimal number", "number", "1.5"),
    ("text", "string", "\"seven\""),
    ("an empty array", "array", "[]"),
    ("an array", "array", "[\"seven\"]"),
    ("an empty object", "object", "{}"),
    ("an object", "object", "{\"seven\":7}"),
];

/// What the values of a free property may be, one a row.
pub(super) const FREE: &[(&str, &str)] = &[
    ("an empty text", "\"\""),
    ("any text", "\"Oolong/2 \\n \\u0000 ☃\""),
    ("zero", "0"),
    ("the least integer", "-9223372036854775808"),
    ("the greatest integer", "9223372036854775807"),
    ("a decimal number", "-0.25"),
    ("a whole decimal number", "5.0"),
    ("a great decimal number", "9.2e18"),
    ("a boolean", "true"),
];

/// Numbers that no free property may have.
pub(super) const BEYOND: &[(&str, &str)] = &[
    ("an integer one too great for 64 bits", "9223372036854775808"),
    ("a decimal number beyond 64 bits", "1e30"),
    ("a negative decimal number beyond 64 bits", "-1e30"),
];

pub(super) const UTC_OFFSETS: &[(&str, bool)] = &[
    ("Z", true),
    ("0000", true),
    ("+0000", true),
    ("-0000", true),
    ("+0530", true),
    ("-0330", true),
    ("+0959", true),
    ("+1200", true),
    ("+1245", true),
    ("+1400", true),
    ("+1459", true),
    ("-0959", true),
    ("-1000", true),
    ("-1159", true),
    ("-1200", true),
    ("+1500", false),
    ("+1460", false),
    ("+1260", false),
    ("-1201", false),
    ("-1300", false),
    ("-1260", false),
    ("+2400", false),
    ("z", false),
    ("0100", false),
    ("00000", false),
    ("+01:00", false),
    ("+01", false),
    ("+100", false),
    ("UTC", false),
    ("+0100\n", false),
    (" +0100", false),
    ("ZZ", false),
    ("−0100", false),
    ("+٠١٠٠", false),
];

pub(super) const EMAILS: &[(&str, bool)] = &[
    ("a@b.c", true),
    ("zoe@example.com", true),
    ("zoe+kettle@example.co.uk", true),
    ("z.o-e_1@ex-ample.com", true),
    ("a@b", false),
    ("a:b@example.com", false),
    ("zoe..m@example.com", false),
    (".zoe@example.com", false),
    ("zoe.@example.com", false),
    ("zoe@-example.com", false),
    ("zoe@example-.com", false),
    ("zoe@example..com", false),
    ("zoe@example", false),
    ("zoe@ex_ample.com", false),
    ("@", false),
    ("zoe@", false),
    ("@example.com", false),
    ("zoe.example.com", false),
    ("zoe@home@example.com", false),
    ("zoe@@example.com", false),
    ("zoë@example.com", false),
    ("zoe martinez@example.com", false),
    ("z/e@b.c", false),
    ("Zoe <zoe@example.com>", false),
    ("zoe@example.com\n", false),
    ("zoe@例え.jp", false),
    ("a@", false),
];

pub(super) const EVENT_IDS: &[(&str, bool)] = &[
    ("0", true),
    ("A:b-c.d_e+f@0", true),
    ("12345678901234567890123456789012345678901234567890", true),
    ("123456789012345678901234567890123456789012345678901", false),
    ("é2345678901234567890123456789012345678901234567890", false),
];
