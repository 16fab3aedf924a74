"""The fragments of comments. Data only: openers, remarks by topic, details, closers."""

__all__ = ["CLOSERS", "DETAILS", "OPENERS", "REMARKS"]

Pool = tuple[str, ...]

DETAILS: Pool = (
    "the dashboard", "the export", "the mobile app", "reporting", "the admin console",
    "single sign-on", "the API", "the Salesforce sync", "bulk import", "notifications",
    "user management", "the search", "scheduled reports", "the billing page", "permissions",
)  # fmt: skip

# By sentiment: negative, neutral, positive. "" is common: people get to the point.
OPENERS: tuple[Pool, Pool, Pool] = (
    ("", "", "", "Honestly, ", "Frustrating: ", "We are disappointed. ", "To be blunt: ", "Hi, ",
     "Third time we write this. ", "Not what we were promised: ", "Sorry to say, but "),
    ("", "", "", "Decent overall. ", "Mostly fine, ", "It does the job. ", "Mixed feelings: ",
     "OK so far. "),
    ("", "", "", "Love it! ", "Great product. ", "Very happy: ", "Big fan. ", "Excellent. ",
     "We would choose it again. ", "Thumbs up! "),
)  # fmt: skip

CLOSERS: tuple[Pool, Pool, Pool] = (
    ("", "", "", "", " Please fix this.", " We are looking at alternatives.",
     " My team has given up on it.", " This costs us hours every week.",
     " Someone should call me.", " We raised this months ago.", " Not acceptable."),
    ("", "", "", "", " Room for improvement.", " Let's see.", " Would help to hear the plan.",
     " Otherwise no complaints."),
    ("", "", "", "", " Keep it up!", " Thank you all.", " I recommend it to everyone.",
     " Our team relies on it daily.", " 👍", " Worth every cent."),
)  # fmt: skip

_SUPPORT: tuple[Pool, Pool, Pool] = (
    ("support takes days to answer and then asks the same questions again.",
     "nobody on the support team owns our ticket about {}.",
     "I waited over a week for a reply on {}.",
     "tickets get closed without a solution.",
     "the answers from the helpdesk are copy and paste, not help.",
     "every escalation about {} starts from zero."),
    ("support is friendly but slow.",
     "response times vary a lot, our last ticket on {} took four days.",
     "help is there when needed, weekends are a gap."),
    ("support answers within the hour and actually solves things.",
     "our CSM is outstanding and knows our setup.",
     "the help we got with {} was fast and competent.",
     "best support team we work with."),
)  # fmt: skip

_PRICE: tuple[Pool, Pool, Pool] = (
    ("the price went up again and we got nothing for it.",
     "too expensive for what {} does.",
     "the invoice was wrong and it took ages to correct.",
     "paying per seat makes no sense for occasional users.",
     "competitors offer {} at half the cost.",
     "add-ons for everything, even {}."),
    ("pricing is on the high side, the value is there most of the time.",
     "the plans are confusing, we pay for {} without using it.",
     "fair, but the renewal quote surprised us."),
    ("great value for money.",
     "it paid for itself in a quarter.",
     "pricing is clear and {} is included.",
     "cheaper than what we had and better."),
)  # fmt: skip

_RELIABILITY: tuple[Pool, Pool, Pool] = (
    ("{} keeps crashing since the last release.",
     "another outage in the middle of month-end.",
     "{} is so slow that people stopped using it.",
     "we see errors in {} every day.",
     "data went missing after {} timed out.",
     "we cannot rely on {} for anything important."),
    ("mostly stable, {} has hiccups now and then.",
     "performance could be better at peak times.",
     "fewer errors than last year, still some in {}."),
    ("rock solid, not one outage we noticed.",
     "{} is fast and just works.",
     "stable even at our volumes.",
     "we never have to think about it, it runs."),
)  # fmt: skip

_USABILITY: tuple[Pool, Pool, Pool] = (
    ("{} is confusing, nobody finds anything.",
     "far too many clicks for simple things in {}.",
     "the new layout broke how we work.",
     "people need training just for {}.",
     "clumsy interface, {} feels ten years old."),
    ("takes getting used to, then {} is alright.",
     "the interface is fine, {} could be simpler.",
     "some screens are cluttered."),
    ("so easy to use that nobody needed training.",
     "clean interface, {} is a pleasure.",
     "intuitive, my team picked it up in a day.",
     "{} saves me an hour a day."),
)  # fmt: skip

_FEATURES: tuple[Pool, Pool, Pool] = (
    ("{} lacks the basics we were shown in the demo.",
     "the roadmap has promised a better version of {} for a year.",
     "we export everything to spreadsheets because {} cannot do it.",
     "missing integrations make {} useless for us.",
     "features we use were removed from {}."),
    ("good basics, {} needs more options.",
     "would like custom fields in {}.",
     "waiting for the announced changes to {}."),
    ("{} does exactly what we need.",
     "new features arrive every month and they are good ones.",
     "the integrations are powerful.",
     "{} is far ahead of what others offer."),
)  # fmt: skip

_ONBOARDING: tuple[Pool, Pool, Pool] = (
    ("onboarding was a mess, three contacts in two months.",
     "we were left alone setting up {}.",
     "the migration took twice as long as agreed.",
     "documentation for {} is out of date.",
     "half of our users never got working accounts."),
    ("setup was okay, {} took longer than planned.",
     "getting started needs more guidance.",
     "docs are good in parts."),
    ("onboarding was smooth, live in two weeks.",
     "the training sessions were excellent.",
     "setting up {} took minutes.",
     "great documentation and a patient onboarding team."),
)  # fmt: skip

# In the order of npsight.simulate.cohort.TOPICS.
REMARKS = (_SUPPORT, _PRICE, _RELIABILITY, _USABILITY, _FEATURES, _ONBOARDING)
