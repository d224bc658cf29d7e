"""What it says of sessions, and no claim measures: from line 186."""

from app.lab.document import places
from app.lab.document.section import Unmeasured

ABOUT_SESSIONS = (
    Unmeasured(
        188,
        "small pieces of data stored directly in the user's browser",
        "The preferences are such cookies, and the browser’s developer tools show them.",
        (places.PREFERENCES, places.ARTICLES),
    ),
    Unmeasured(
        188,
        "sent back and forth … with each HTTP request",
        "This is half true. A browser sends them each time, a server only when it sets one.",
        (places.REQUEST, places.claim_page("untouched_costs_nothing")),
    ),
    Unmeasured(
        196,
        "Storage Location: Client-side (browser)",
        "This is what a cookie is. Where the data of a session lies is measured.",
        (places.PREFERENCES,),
    ),
    Unmeasured(
        198,
        "Security: Less secure (visible to client)",
        "A person can read and change each plain cookie, so this application checks its value.",
        (places.PREFERENCES, places.claim_page("preferences_readable_by_script")),
    ),
    Unmeasured(
        200,
        "Performance: Sent with every request (network overhead)",
        "A browser sends them each time. The figures say how many bytes that is.",
        (places.COST, places.REQUEST),
    ),
    Unmeasured(
        207,
        "Track user behavior for analytics",
        "A cookie keeps the last articles that somebody read, and they can delete it.",
        (places.ARTICLES,),
    ),
    Unmeasured(
        208,
        "Store non-sensitive data that should persist across browser sessions",
        "The preferences and the guest’s cart are in cookies that outlive the browser.",
        (places.PREFERENCES, places.CART),
    ),
    Unmeasured(
        210,
        "Cache frequently accessed, non-sensitive information",
        "A browser’s cache is made for this. It is not sent with each request, as a cookie is.",
        (places.STYLES, places.COST),
    ),
    Unmeasured(
        213,
        "Storing shopping cart contents for guest users",
        "The cart of a guest is in a cookie, until they log in.",
        (places.CART,),
    ),
    Unmeasured(
        214,
        "Remembering user's preferred currency or region",
        "The currency is a preference, and the cart shows its prices in it.",
        (places.PREFERENCES, places.CART),
    ),
    Unmeasured(
        215,
        "Tracking which articles a user has read",
        "The articles list those that were read last.",
        (places.ARTICLES,),
    ),
    Unmeasured(
        216,
        "Storing user interface preferences",
        "Theme, language and layout are cookies.",
        (places.PREFERENCES,),
    ),
    Unmeasured(
        228,
        "User login status and authentication data",
        "The session keeps who is logged in. The password’s hash is not in it.",
        (places.LOGIN, places.DASHBOARD),
    ),
    Unmeasured(
        229,
        "Shopping cart for logged-in users",
        "The login moves the guest’s cart from its cookie into the session.",
        (places.CART,),
    ),
    Unmeasured(
        230,
        "Multi-step form data",
        "The checkout has three steps, and the session keeps the finished ones.",
        (places.CHECKOUT,),
    ),
    Unmeasured(
        231,
        "Temporary file uploads",
        "The session keeps a small file. In a cookie there is no room for most of them.",
        (places.UPLOADS, places.claim_page("capacity")),
    ),
    Unmeasured(
        232,
        "Admin panel access control",
        "The panel opens for administrators only. It asks the account, not the session alone.",
        (places.ADMIN,),
    ),
    Unmeasured(
        238,
        "Always use HTTPS for both",
        "In production this application serves nothing else, and its cookies are Secure.",
        (places.claim_page("cookie_flags"),),
    ),
    Unmeasured(
        243,
        "Minimize cookie size and number",
        "The advice is good: each byte is sent with each request. The figures say how many.",
        (places.COST, places.claim_page("only_id_is_sent")),
    ),
    Unmeasured(
        245,
        "Consider using both together",
        "This application does: a session for the login, cookies for preferences.",
        (places.DASHBOARD, places.PREFERENCES),
    ),
    Unmeasured(
        248,
        "Hybrid Approach: … sessions for authentication and sensitive operations",
        "The account and the checkout need the session here.",
        (places.CHECKOUT, places.WhereToSee("account.index", "Account")),
    ),
    Unmeasured(
        248,
        "Hybrid Approach: … cookies for user preferences",
        "The preferences and the articles work without a login, and stay after a logout.",
        (places.PREFERENCES, places.ARTICLES),
    ),
)
