/* kmcp/plugin.h - the contract between kmcp and its plugins: everything a plugin may declare, and everything it may call.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A plugin is one shared object, kmcp-NAME.so, with exactly one exported symbol: a constant descriptor that
 * KMCP_PLUGIN() defines. The host reads its tables (options, routes, tools) before any of its code runs. All calls
 * back into the host go through ctx->host, a table of function pointers: a plugin links against nothing but libc.
 *
 * Ownership, the whole rule set:
 *   1. What the host passes in is readable until the callback returns. Copy what you keep.
 *   2. What you pass to the host is copied before the function returns. JSON nodes belong to the call from birth;
 *      putting one inside another transfers nothing (a node that already has a parent is copied).
 *   3. What you need during a call comes from alloc() or format(): zeroed, aligned, gone after the call.
 *   4. State made in open() is yours: your malloc, your free in close().
 *   5. The descriptor, its tables and strings are static const and live as long as the process; nothing is unloaded.
 *   6. Nothing is ever freed across the boundary, in either direction.
 *
 * Threads: open() and close() run on the main thread, with no call in flight. plan() and run() run on some worker
 * thread: never two at once in a KMCP_SERIAL plugin, any number in a KMCP_PARALLEL one. A kmcp_ctx belongs to the
 * thread it was handed to, until that callback returns. [any-thread] marks the functions callable from elsewhere.
 * A plugin starts no threads, installs no signal handlers, does not fork or exit, changes no process-wide state
 * (directory, umask, locale, environment) and writes nothing to stdout.
 *
 * Everything here is since ABI 1.0 unless marked "Since 1.N". Compatibility rules: sdk/ABI.md.
 */
#ifndef KMCP_PLUGIN_H
#define KMCP_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KMCP_ABI_MAJOR 1
#define KMCP_ABI_MINOR 3 /* +1 whenever something is appended */

#if defined(__GNUC__)
#define KMCP_EXPORT       __attribute__((__visibility__("default")))
#define KMCP_USED         __attribute__((__used__))
#define KMCP_PRINTF(f, a) __attribute__((__format__(__printf__, f, a)))
#define KMCP_MUST_CHECK   __attribute__((__warn_unused_result__))
#else
#define KMCP_EXPORT
#define KMCP_USED
#define KMCP_PRINTF(f, a)
#define KMCP_MUST_CHECK
#endif

/* ---- Scalars that cross the boundary are fixed width, never enums ---------------------------------------------- */

typedef int32_t kmcp_rc; /* 0 is success, negative a failure */
typedef uint32_t kmcp_safety;

#define KMCP_OK          0
#define KMCP_E_ARG       (-1)  /* the caller's arguments are wrong                                     */
#define KMCP_E_DENIED    (-2)  /* policy, the person or the server said no (HTTP 401, 403)             */
#define KMCP_E_NOTFOUND  (-3)  /* no such thing (HTTP 404)                                             */
#define KMCP_E_CONFLICT  (-4)  /* refused in the present state (HTTP 400, 409)                         */
#define KMCP_E_RATE      (-5)  /* throttled, and the retries a route allows are spent (HTTP 429)       */
#define KMCP_E_UPSTREAM  (-6)  /* the service failed or answered something unreadable (HTTP 5xx)       */
#define KMCP_E_TIMEOUT   (-7)  /* no answer in time; for an act: its outcome is unknown                */
#define KMCP_E_CANCELLED (-8)  /* the client cancelled the call or went away                           */
#define KMCP_E_NOMEM     (-9)  /* the call reached its memory ceiling                                  */
#define KMCP_E_BUG       (-10) /* host or plugin broke this contract                                   */
#define KMCP_E_PROTOCOL  (-11) /* Since 1.1. Answer with a JSON-RPC error (-32603) instead of a result   */
#define KMCP_HAPPENED    3     /* Since 1.2. resolve(): it was received                                          */
#define KMCP_NOT_SEEN    4     /* Since 1.2. resolve(): there is no trace of it                                  */
#define KMCP_AGAIN       2     /* Since 1.1. ask() said so: return it, run() is called again from its top */

/* Safety classes, of routes and of tools. A tool may only call routes at or below its own class: READ calls READ;
 * REVEAL calls READ and REVEAL; WRITE calls READ and WRITE; DESTROY calls READ, WRITE and DESTROY. The host's client
 * enforces it whatever the plugin's code does. MCP annotations are derived from the class. */
#define KMCP_SAFETY_UNSET 0u /* refused at load: forgetting fails closed */
#define KMCP_READ         1u
#define KMCP_REVEAL       2u /* returns a secret      */
#define KMCP_WRITE        3u /* changes something     */
#define KMCP_DESTROY      4u /* cannot be undone      */

/* Threading of a plugin. */
#define KMCP_SERIAL   0u /* the default: one call at a time in this plugin */
#define KMCP_PARALLEL 1u /* any number: no mutable statics                 */

typedef struct kmcp_json kmcp_json; /* an opaque JSON value, owned by the call */
struct kmcp_host;

/* The context of a call. Its first member is public, the rest is the host's. Never allocate or copy one. */
typedef struct kmcp_ctx {
    const struct kmcp_host *host;
} kmcp_ctx;

/* ---- What a plugin declares (all static const) ------------------------------------------------------------------ */

/* One key of the plugin's INI section, [plugin NAME]. The keys "path" and "optional" are the host's. */
struct kmcp_option {
    const char *key;  /* ^[a-z][a-z0-9_]*$                             */
    const char *type; /* "string", "int" or "bool" (yes/no in the INI) */
    const char *dflt; /* NULL: the INI must set it                     */
    const char *help; /* one sentence for `kmcp dump` and the man page */
};

/* One endpoint of the API. The plugin names routes, never URLs; the host fills, percent-encodes and checks.
 * Lists of names (pii, secrets, tags, invalidates) are separated by single spaces. */
struct kmcp_route {
    const char *method;     /* "GET", "POST", "PATCH", "PUT" or "DELETE"                                             */
    const char *path;       /* "/api/v1/devices/{device_id}"; a {name} is one whole path part                        */
    const char *permission; /* what an administrator ticks for the token in the web console; used in 401/403 advice  */
    const char *pii;        /* reply fields that hold person data: "KEY" or "PARENT.KEY", at any depth. A field that */
                            /* is an object or array is covered as a whole, but for booleans. Masked when redact_pii */
                            /* = yes. Or NULL                                                                        */
    const char *secrets;    /* reply fields that are secrets, same form; masked unless the tool is REVEAL. Or NULL   */
    const char *cache;      /* name of a TTL in the INI's [cache] section, "devices"; NULL: never cached             */
    const char *tags;       /* what its cached replies depend on: "devices device:{device_id}"; NULL: nothing        */
    const char *invalidates; /* tags dropped before and after this route is sent; NULL: none                         */
    const char *row_id;     /* member that identifies a row of its list: one that comes twice over a moving page     */
                            /* border is handed over once. NULL: rows are taken as they come                         */
    kmcp_safety safety;
    uint32_t flags;   /* KMCP_ROUTE_*                             */
    uint32_t ttl_s;   /* cache TTL in seconds if the INI sets none */
    uint32_t paging;  /* KMCP_PAGES_*                             */
    uint32_t limit;   /* rows to ask per page (0: 300)            */
    uint32_t reserved; /* 0                                       */
};
#define KMCP_ROUTE_RETRY 1u /* safe to send again after 429, 5xx or a lost connection; never on an act               */
#define KMCP_ROUTE_QUERY 2u /* a method other than GET that only reads, on purpose; without it such a READ is refused */

/* How a list comes in pages. sweep() follows it; all offset styles add the rows received. */
#define KMCP_PAGES_NONE   0u
#define KMCP_PAGES_OFFSET 1u /* limit and offset; a bare array with X-Total-Count, {count,results}, or that wrapped   */
#define KMCP_PAGES_CURSOR 2u /* limit and cursor; {data,total,cursor}                                                 */
#define KMCP_PAGES_NUMBER 3u /* Since 1.3. page, from 1; {count,results}                                              */
#define KMCP_PAGES_NEXT   4u /* Since 1.3. limit, and the cursor inside `next`; {next,results}                        */
#define KMCP_PAGES_SIZE   5u /* Since 1.3. page, from 1, and size; {total,results}                                    */
#define KMCP_PAGES_AFTER  6u /* Since 1.3. size, and the `after` inside `next`; {next,results}                        */

typedef kmcp_rc (*kmcp_tool_fn)(kmcp_ctx *ctx, const kmcp_json *args);
/* Since 1.2. What became of an act with ARGS that got no clear answer? SINCE_MS, Unix milliseconds by the API's own
 * clock, is when it was about to be sent: up to seven seconds early, never late. Only READ routes. KMCP_HAPPENED (say how
 * one can tell with result_text()), KMCP_NOT_SEEN, or a failure: still unknown. Members of ARGS that the input schema
 * calls writeOnly are not there. */
typedef kmcp_rc (*kmcp_resolve_fn)(kmcp_ctx *ctx, const kmcp_json *args, int64_t since_ms);

struct kmcp_tool {
    const char *name;          /* ^[a-z][a-z0-9_]{0,63}$, verb_noun, unique across plugins                           */
    const char *title;         /* a short name for people                                                            */
    const char *description;   /* for the model: what it answers and when to use it                                  */
    const char *input_schema;  /* JSON Schema 2020-12 text, root type object; a keyword that is neither enforced nor */
                               /* a mere annotation (title, description, format ...) is refused                     */
    const char *output_schema; /* the same for result_json(), or NULL: text only                                     */
    kmcp_safety safety;
    uint32_t flags;    /* KMCP_TOOL_*                                                                                */
    kmcp_tool_fn plan; /* required for REVEAL and DESTROY, optional for WRITE: finds the real target without side    */
                       /* effects (only READ routes), names it with subject() and says one sentence with say()       */
    kmcp_tool_fn run;  /* does it and fills in the result                                                            */
    /* ABI 1.0 ends here */
    const char *icons; /* Since 1.1. JSON array of icons as MCP spells them, src https or data:, or NULL             */
    /* ABI 1.1 ends here */
    kmcp_resolve_fn resolve;   /* Since 1.2. for tools that act, or NULL: an unknown outcome stays unknown             */
};
#define KMCP_TOOL_IDEMPOTENT 1u /* calling it again with the same arguments changes nothing more                     */
#define KMCP_TOOL_CONFIRM    2u /* "confirm": true is demanded of the caller before run; the schema declares confirm */
#define KMCP_TOOL_TASK       4u /* Since 1.1. May take long: a client with the tasks extension gets a handle at once */
                                /* and the rest in its own time; any other waits, and gets a job for get_job when   */
                                /* that takes longer than [server] job_after                                        */
#define KMCP_TOOL_TASK_ONLY  8u /* Since 1.1. The same, and never waited for: a client of 2026-07-28 without tasks   */
                                /* is refused (-32021), an older one gets a job                                     */
#define KMCP_TOOL_REHEARSE   16u /* Since 1.2. run() sends one request above READ, and has no effect but through the  */
                                /* API: the host calls it once before anybody is asked, takes that request down      */
                                /* instead of sending it (http() fails), shows it to the person, and lets pass that  */
                                /* request alone, once, when run() is called in earnest                              */

/* Since 1.1. Resources and prompts read, and only read: their functions may call READ routes, and ask(). */

/* Completes ARGUMENT, of which the person has typed VALUE: calls suggest() for each candidate, best first. OTHERS: the
 * arguments already settled, or NULL. (MCP server/utilities/completion.) */
typedef kmcp_rc (*kmcp_complete_fn)(kmcp_ctx *ctx, const char *argument, const char *value, const kmcp_json *others);
/* Reads the resource at URI: calls content() at least once. VARS: the template's variables, percent-decoded. A resource
 * that is not there is fail(KMCP_E_NOTFOUND). */
typedef kmcp_rc (*kmcp_read_fn)(kmcp_ctx *ctx, const char *uri, const kmcp_json *vars);

struct kmcp_resource {
    const char *uri;           /* "fleet://report", or a template "fleet://devices/{id}" (RFC 6570 level 1: {name} is one   */
                               /* whole non-empty part between slashes). Unique across plugins                       */
    const char *name, *title;  /* for people; title may be NULL                                                      */
    const char *description;   /* may be NULL                                                                        */
    const char *mime_type;     /* of what content() adds without one of its own; may be NULL                         */
    const char *icons;         /* as in kmcp_tool                                                                    */
    kmcp_read_fn read;
    kmcp_complete_fn complete; /* for a template's variables, or NULL                                                */
    uint32_t flags;            /* KMCP_RESOURCE_*                                                                    */
    uint32_t ttl_s;            /* how long a client may keep what it read; 0: not at all                             */
};
#define KMCP_RESOURCE_UPDATES 1u /* the plugin calls updated() for it, so clients may subscribe                      */

struct kmcp_prompt_arg {
    const char *name, *title, *description; /* title and description may be NULL                                     */
    uint32_t flags, reserved;               /* KMCP_ARG_*; 0                                                         */
};
#define KMCP_ARG_REQUIRED 1u

struct kmcp_prompt {
    const char *name;          /* as a tool's, unique across plugins                                                 */
    const char *title, *description, *icons;
    const struct kmcp_prompt_arg *args;
    uint32_t n_args, arg_size; /* KMCP_ARGS(array)                                                                   */
    kmcp_tool_fn get;          /* ARGS holds strings only: calls content() for each message                          */
    kmcp_complete_fn complete; /* or NULL                                                                            */
};

/* Since 1.1. What a plugin makes use of, so that the host offers clients no more than there is. */
#define KMCP_FEATURE_TELL 1u /* calls tell(): clients may choose a log level                                         */
#define KMCP_FEATURE_SHOW 2u /* calls show(): lists may change                                                       */

/* The descriptor. Written through KMCP_PLUGIN() only. */
struct kmcp_plugin {
    uint32_t struct_size;
    uint16_t abi_major, abi_minor;                /* built against                                  */
    uint16_t needs_minor, reserved;               /* hosts older than this minor are refused; 0     */
    uint32_t option_size, route_size, tool_size;  /* strides of the tables                          */
    uint32_t n_options, n_routes, n_tools;
    uint32_t threading;                           /* KMCP_SERIAL or KMCP_PARALLEL                   */
    const char *name, *version, *summary;
    const struct kmcp_option *options;
    const struct kmcp_route *routes;
    const struct kmcp_tool *tools;
    kmcp_rc (*open)(kmcp_ctx *ctx, void **state); /* [main-thread] or NULL; options are readable    */
    void (*close)(void *state);                   /* [main-thread] or NULL                          */
    /* ABI 1.0 ends here */
    uint32_t features, resource_size, prompt_size; /* Since 1.1. KMCP_FEATURE_*; strides            */
    uint32_t n_resources, n_prompts, reserved_1;   /* reserved_1: 0                                 */
    const struct kmcp_resource *resources;
    const struct kmcp_prompt *prompts;
    /* ABI 1.1 ends here; append only */
};

#define KMCP_LIST(field, count, stride, array)                                                                       \
    .field = (array), .count = (uint32_t)(sizeof(array) / sizeof((array)[0])), .stride = (uint32_t)sizeof((array)[0])
#define KMCP_OPTIONS(a) KMCP_LIST(options, n_options, option_size, a)
#define KMCP_ROUTES(a)  KMCP_LIST(routes, n_routes, route_size, a)
#define KMCP_TOOLS(a)   KMCP_LIST(tools, n_tools, tool_size, a)
#define KMCP_RESOURCES(a) KMCP_LIST(resources, n_resources, resource_size, a)
#define KMCP_PROMPTS(a)   KMCP_LIST(prompts, n_prompts, prompt_size, a)
#define KMCP_ARGS(a)      KMCP_LIST(args, n_args, arg_size, a)

#define KMCP_STR_(x) #x
#define KMCP_STR(x)  KMCP_STR_(x)

/* KMCP_PLUGIN(devices, "1.0.0", .summary = "...", KMCP_ROUTES(routes), KMCP_TOOLS(tools))
 * Defines the descriptor, the plugin's one export, and the manifest: a text inside the file that the host finds and
 * checks without running any of the plugin's code. */
#define KMCP_PLUGIN(plugin_name, plugin_version, ...)                                                                \
    static const char kmcp_manifest[] KMCP_USED =                                                                    \
        "\n[kmcp-manifest]\nabi=" KMCP_STR(KMCP_ABI_MAJOR) "." KMCP_STR(KMCP_ABI_MINOR) "\nname=" #plugin_name       \
        "\nversion=" plugin_version "\n[end]\n";                                                                     \
    extern KMCP_EXPORT const struct kmcp_plugin kmcp_plugin_v1;                                                      \
    KMCP_EXPORT const struct kmcp_plugin kmcp_plugin_v1 = {                                                          \
        .struct_size = (uint32_t)sizeof(struct kmcp_plugin),                                                         \
        .abi_major = KMCP_ABI_MAJOR,                                                                                 \
        .abi_minor = KMCP_ABI_MINOR,                                                                                 \
        .name = #plugin_name,                                                                                        \
        .version = plugin_version,                                                                                   \
        __VA_ARGS__                                                                                                  \
    }

/* ---- What the host offers ---------------------------------------------------------------------------------------- */

struct kmcp_param {
    const char *name, *value; /* a NULL value: the parameter is left out */
};

/* A condition on rows, checked by the host on the real values before anything is masked, so that a plugin can look a
 * person or a serial number up that it may not see. FIELD is as a column's; of its alternatives the first one present
 * counts. Comparison ignores the case of all alphabets, the encoding of accents and the form of an apostrophe. */
struct kmcp_where {
    const char *field;
    const char *value; /* NULL: the condition is left out */
    uint32_t op;       /* KMCP_WHERE_*                    */
    uint32_t reserved; /* 0                               */
};
#define KMCP_WHERE_EQUALS   0u
#define KMCP_WHERE_CONTAINS 1u
#define KMCP_WHERE_HAS      2u /* the field is an array with an element that equals the value */

struct kmcp_request {
    uint32_t struct_size;
    uint32_t timeout_ms;            /* 0: the host's default                                       */
    const struct kmcp_route *route; /* one of this plugin's own                                    */
    const struct kmcp_param *path;  /* one for each {name} of the route                            */
    size_t n_path;
    const struct kmcp_param *query;
    size_t n_query;
    const kmcp_json *body; /* sent as application/json; NULL: no body                              */
    const struct kmcp_where *where; /* sweep() only: hand over rows that meet all of these          */
    size_t n_where;
    /* ABI 1.0 ends here */
    const char *fields; /* Since 1.3. sweep(): the members of a row that are wanted, "device_id user"; http(): the */
                        /* members of the object that is the reply. Others are not even parsed. NULL: all         */
    const char *from;   /* Since 1.3. sweep() only: where to begin, as an earlier coverage's next said; NULL: at  */
                        /* the beginning                                                                          */
    /* ABI 1.3 ends here; append only */
};

struct kmcp_reply {
    uint32_t struct_size;
    int32_t status;        /* HTTP status, 2xx whenever http() returned KMCP_OK                    */
    const kmcp_json *body; /* NULL for an empty body, which is success with nothing to say         */
    int64_t total;         /* rows there are in all, when the API said so; else -1                 */
    int64_t as_of_ms;      /* when the API answered, Unix milliseconds; older than now if cached   */
    /* ABI 1.0 ends here; append only */
};

/* What a sweep covered (docs/architecture.md, decision 8). */
struct kmcp_coverage {
    uint32_t struct_size;
    uint32_t complete;  /* 1 only if every row there is was handed over                            */
    int64_t total;      /* what the API says there is, or -1                                       */
    int64_t seen;       /* rows handed over, those that met all conditions                         */
    int64_t as_of_ms;   /* the oldest page's time, Unix milliseconds                               */
    const char *reason; /* why it is not complete, for people; NULL if it is                       */
    /* ABI 1.0 ends here */
    const char *next;   /* Since 1.3. where a sweep that is not complete goes on; NULL: nowhere    */
    /* ABI 1.3 ends here; append only */
};

/* Rows of one page, a JSON array, readable until it returns. KMCP_OK: go on; anything else ends the sweep and is
 * returned by it, except KMCP_SWEEP_STOP, which ends it well. */
typedef kmcp_rc (*kmcp_page_fn)(kmcp_ctx *ctx, const kmcp_json *rows, void *arg);
#define KMCP_SWEEP_STOP 1

/* Since 1.3. The reply for the I-th value of each(). BODY is NULL where the service had nothing (HTTP 400 or 404). Returns
 * as a kmcp_page_fn does. */
typedef kmcp_rc (*kmcp_each_fn)(kmcp_ctx *ctx, size_t i, const kmcp_json *body, void *arg);

/* Since 1.3. One thing that callers can ask about in the rows of a list: to show, to compare, to sort or group by. */
struct kmcp_column {
    const char *name;  /* as callers say it and answers head it: ^[a-z][a-z0-9_]*$                                   */
    const char *field; /* where a row has it: "KEY", "PARENT.KEY" and so on, a number for an item of an array, from  */
                       /* 0: "errors.0.text"; alternatives separated by '|'                                          */
    const char *param; /* the query parameter with which the API itself selects by it, or NULL                       */
    uint32_t type;     /* KMCP_COLUMN_*                                                                              */
    uint32_t flags;    /* KMCP_COLUMN_SHOWN, KMCP_COLUMN_EXACT                                                       */
};
#define KMCP_COLUMN_TEXT    0u /* compared whatever the case, in all alphabets, and the encoding of accents           */
#define KMCP_COLUMN_NUMBER  1u
#define KMCP_COLUMN_BOOL    2u /* also the words "true", "True", "Yes" and so on                                     */
#define KMCP_COLUMN_DATE    3u /* any of the API's ISO-like forms (API section 1.7); none: never, before all others  */
#define KMCP_COLUMN_VERSION 4u /* compared number by number: 14.10 is above 14.9                                     */
#define KMCP_COLUMN_LIST    5u /* an array of texts: a condition holds if it does for one of them                    */
#define KMCP_COLUMN_SHOWN   1u /* shown unless the caller chooses fields                                             */
#define KMCP_COLUMN_EXACT   2u /* PARAM selects what equals the value, letter for letter; else what contains it     */

/* Since 1.3. A question about a list; see query(). */
struct kmcp_query {
    uint32_t struct_size;
    uint32_t flags;                     /* KMCP_QUERY_*                                                              */
    const struct kmcp_request *request; /* the route, its path, and conditions of the plugin's own (query, where)    */
    const struct kmcp_column *columns;  /* KMCP_COLUMNS(array); the last one that is shown identifies a row          */
    uint32_t n_columns, column_size;
    const char *what;                   /* what rows are, in the plural: "devices"                                   */
    const char *sections;               /* instead of the caller's: groupings, each a table of the answer, separated */
                                        /* by spaces: "platform platform,os_version last_check_in:age"; or NULL      */
    int64_t limit;                      /* rows shown when the caller names no limit                                 */
    const char *words;                  /* values of TEXT columns that callers know by another name than the API's,  */
                                        /* or of whole numbers, separated by spaces: "platform:AppleTV=tvOS",        */
                                        /* "status:failed=4"; or NULL                                                */
};
#define KMCP_QUERY_PUSHED 1u /* the API itself selects by all that the request's own query says                      */
#define KMCP_QUERY_FILTER 2u /* the route takes conditions as a JSON object, `filter` (API section 3)                */
#define KMCP_COLUMNS(a)   KMCP_LIST(columns, n_columns, column_size, a)

/* Kinds of JSON values. */
#define KMCP_JSON_NONE   0u /* no value at all: a NULL node */
#define KMCP_JSON_NULL   1u
#define KMCP_JSON_BOOL   2u
#define KMCP_JSON_NUMBER 3u
#define KMCP_JSON_STRING 4u
#define KMCP_JSON_ARRAY  5u
#define KMCP_JSON_OBJECT 6u

/* Since 1.1. One piece of content: of a tool's result, of a prompt (one message each), of a resource. Fields that do not
 * belong to its kind are NULL. */
struct kmcp_content {
    uint32_t struct_size;
    uint32_t kind;             /* KMCP_CONTENT_*                                                                     */
    const char *text;          /* TEXT; RESOURCE, when it is text                                                    */
    const void *data;          /* IMAGE, AUDIO; RESOURCE, when it is bytes. The host encodes them                    */
    size_t len;                /* of DATA                                                                            */
    const char *mime_type;     /* IMAGE and AUDIO need it                                                            */
    const char *uri;           /* RESOURCE and LINK need it; in read() NULL means the URI being read                 */
    const char *name, *title, *description; /* LINK: name is needed                                                  */
    const char *role;          /* prompts: "user" (also NULL) or "assistant"                                         */
    const char *audience;      /* "user", "assistant" or "user assistant": whom it is for; NULL: not said            */
    const char *last_modified; /* ISO 8601 or NULL                                                                   */
    double priority;           /* above 0, up to 1; 0: not said                                                      */
};
#define KMCP_CONTENT_TEXT     0u
#define KMCP_CONTENT_IMAGE    1u
#define KMCP_CONTENT_AUDIO    2u
#define KMCP_CONTENT_RESOURCE 3u /* a resource itself, text or bytes                                                 */
#define KMCP_CONTENT_LINK     4u /* where one is                                                                     */

/* Since 1.1. A question to the client: to the person before it, to its model, or about its folders. */
struct kmcp_ask {
    uint32_t struct_size;
    uint32_t kind;           /* KMCP_ASK_*                                                                           */
    const char *key;         /* names the question within the call: ^[a-z][a-z0-9_]*$, not "approve"                 */
    const char *message;     /* FORM, URL: one sentence for the person                                               */
    const char *schema;      /* FORM: JSON Schema of a flat object with at least one property; never for secrets     */
    const char *url;         /* URL: https, without anything personal                                                */
    const kmcp_json *params; /* SAMPLE: messages, maxTokens and so on, as sampling/createMessage takes them          */
};
#define KMCP_ASK_FORM   0u /* answer: {"action": "accept", "content": {...}}, or the action decline or cancel        */
#define KMCP_ASK_URL    1u /* answer: {"action": ...}; accept means the page was opened, not that anything was done  */
#define KMCP_ASK_SAMPLE 2u /* answer: {"role", "content", "model", ...}                                              */
#define KMCP_ASK_ROOTS  3u /* answer: {"roots": [{"uri", "name"}]}                                                   */

/* Since 1.1. What the client at the other end offers: bits of client_can(). */
#define KMCP_CAN_FORM         1u
#define KMCP_CAN_URL          2u
#define KMCP_CAN_SAMPLE       4u
#define KMCP_CAN_SAMPLE_TOOLS 8u
#define KMCP_CAN_ROOTS        16u
#define KMCP_CAN_TASKS        32u

/* Since 1.1. Levels of tell() (RFC 5424, lowest first). */
#define KMCP_TELL_DEBUG     0u
#define KMCP_TELL_INFO      1u
#define KMCP_TELL_NOTICE    2u
#define KMCP_TELL_WARNING   3u
#define KMCP_TELL_ERROR     4u
#define KMCP_TELL_CRITICAL  5u
#define KMCP_TELL_ALERT     6u
#define KMCP_TELL_EMERGENCY 7u

/* Since 1.1. What show() shows or hides. */
#define KMCP_LIST_TOOLS     0u
#define KMCP_LIST_PROMPTS   1u
#define KMCP_LIST_RESOURCES 2u

/* Log levels, for the operator (stderr). */
#define KMCP_LOG_ERROR 0u
#define KMCP_LOG_WARN  1u
#define KMCP_LOG_INFO  2u
#define KMCP_LOG_DEBUG 3u

struct kmcp_host {
    uint32_t struct_size;
    uint16_t abi_major, abi_minor;
    const char *version; /* of the host, "0.1.0" */

    /* -- memory: one arena per call ------------------------------------------------------------------------------ */

    /* SIZE zeroed bytes, aligned for anything, gone when the call ends. NULL (and KMCP_E_NOMEM set) at the ceiling. */
    void *(*alloc)(kmcp_ctx *, size_t size);
    /* A formatted string from the arena, or NULL at the ceiling. */
    char *(*format)(kmcp_ctx *, const char *fmt, ...) KMCP_PRINTF(2, 3);

    /* -- diagnostics --------------------------------------------------------------------------------------------- */

    /* [any-thread] One line for the operator, redacted by the host. */
    void (*log)(kmcp_ctx *, uint32_t level, const char *fmt, ...) KMCP_PRINTF(3, 4);
    /* Says what went wrong to the model and the person, and returns RC, so that `return fail(...)` is one line. Lower
     * case, no full stop, the offender in quotes, what to do next after a semicolon. The first one in a call counts. */
    kmcp_rc (*fail)(kmcp_ctx *, kmcp_rc rc, const char *fmt, ...) KMCP_PRINTF(3, 4);

    /* -- options and state --------------------------------------------------------------------------------------- */

    const char *(*opt_str)(kmcp_ctx *, const char *key); /* NULL if there is no such string option */
    int64_t (*opt_int)(kmcp_ctx *, const char *key);     /* 0 if there is no such int option       */
    int (*opt_bool)(kmcp_ctx *, const char *key);        /* 0 if there is no such bool option      */
    void *(*state)(kmcp_ctx *);                          /* what open() stored                     */

    /* -- JSON: reading. All take NULL for "no value" and answer accordingly, so lookups chain -------------------- */

    uint32_t (*json_kind)(const kmcp_json *);                           /* KMCP_JSON_*                            */
    const kmcp_json *(*json_get)(const kmcp_json *, const char *key);   /* case-sensitive member, or NULL         */
    const kmcp_json *(*json_at)(const kmcp_json *, size_t i);           /* i-th element or member value, or NULL; */
                                                                        /* walking i upwards is cheap             */
    const kmcp_json *(*json_next)(const kmcp_json *);                   /* the following sibling, or NULL         */
    const char *(*json_key)(const kmcp_json *);                         /* the member's own name, or NULL         */
    size_t (*json_len)(const kmcp_json *);                              /* elements or members; 0 for a scalar    */
    const char *(*json_str)(const kmcp_json *);                         /* NULL if not a string                   */
    int (*json_int)(const kmcp_json *, int64_t *out);                   /* 1 if an exact integer, *out set        */
    int (*json_num)(const kmcp_json *, double *out);                    /* 1 if a number, *out set                */
    int (*json_bool)(const kmcp_json *, int *out);                      /* 1 if true or false, *out set           */

    /* -- JSON: building. Nodes are the call's. NULL at the memory ceiling; every set or append takes NULL for a
     *    value that could not be made and then returns KMCP_E_NOMEM, so only the last step needs a check --------- */

    kmcp_json *(*json_new)(kmcp_ctx *, const char *text);               /* parse TEXT: "{}", "[]", "null", "5"     */
    kmcp_json *(*json_new_str)(kmcp_ctx *, const char *);               /* a NULL string makes null               */
    kmcp_json *(*json_new_int)(kmcp_ctx *, int64_t);
    kmcp_json *(*json_new_num)(kmcp_ctx *, double);
    kmcp_json *(*json_new_bool)(kmcp_ctx *, int);
    kmcp_json *(*json_copy)(kmcp_ctx *, const kmcp_json *);             /* deep copy that outlives a page          */
    kmcp_rc (*json_set)(kmcp_ctx *, kmcp_json *object, const char *key, const kmcp_json *value); /* add or replace */
    kmcp_rc (*json_append)(kmcp_ctx *, kmcp_json *array, const kmcp_json *value);
    const char *(*json_text)(kmcp_ctx *, const kmcp_json *);            /* compact JSON text, or NULL at the ceiling */

    /* -- the network: the only way out ---------------------------------------------------------------------------- */

    /* Sends one request and waits. Checks the safety class, fills the path (a part that is empty, over 128 bytes, or
     * holds '/', '\\', '?', '#', '%', a dot segment or a control byte is refused before anything is sent), serves
     * from the cache or a flight under way where the route allows it, keeps the rate budget, retries where the route
     * allows it, masks declared fields. A tool above READ gets nothing from the cache, but may get the same reading again
     * until it acts or calls wait(). On failure it has called fail() already. REPLY->struct_size must be set. */
    kmcp_rc (*http)(kmcp_ctx *, const struct kmcp_request *, struct kmcp_reply *reply);
    /* Fetches all pages of a paged route, calling PAGE for each in order. Rows already handed over stay valid when a
     * later page fails: the sweep then returns KMCP_OK with complete = 0 and a reason. Only a failure of the first
     * page is returned as such. Sends progress. COVERAGE->struct_size must be set. */
    kmcp_rc (*sweep)(kmcp_ctx *, const struct kmcp_request *, kmcp_page_fn page, void *arg,
                     struct kmcp_coverage *coverage);

    /* -- policy and the person, in plan() ------------------------------------------------------------------------- */

    /* Names what this call would touch, for policy, consent and audit: KIND "device", its ID, a LABEL people know. What
     * run() sends above READ may hold, in its path, no other ids than those named here. */
    kmcp_rc (*subject)(kmcp_ctx *, const char *kind, const char *id, const char *label);
    /* The sentence a person is asked to agree to: what will happen, to what, and what is lost. Once per plan. */
    kmcp_rc (*say)(kmcp_ctx *, const char *fmt, ...) KMCP_PRINTF(2, 3);

    /* -- long work ------------------------------------------------------------------------------------------------ */

    /* Tells a client that asked for it. DONE must grow; TOTAL 0 if unknown. Rate-limited by the host. */
    void (*progress)(kmcp_ctx *, double done, double total, const char *message);
    int (*cancelled)(kmcp_ctx *); /* 1 once the client cancelled; http() and sweep() notice by themselves */

    /* -- the result, in run() ------------------------------------------------------------------------------------- */

    /* Adds text. It must stand alone, for clients that show only text. Several calls append. */
    kmcp_rc (*result_text)(kmcp_ctx *, const char *fmt, ...) KMCP_PRINTF(2, 3);
    /* The structured result; must match output_schema, which the host checks. Without any text the host shows the
     * JSON as text too. */
    kmcp_rc (*result_json)(kmcp_ctx *, const kmcp_json *);
    /* ABI 1.0 ends here. Everything below is since 1.1 */

    /* Adds CONTENT after what is there, in run(), get() or read(). What a client's revision cannot express becomes a
     * sentence of text. CONTENT->struct_size must be set. (MCP server/tools, Tool Result.) */
    kmcp_rc (*content)(kmcp_ctx *, const struct kmcp_content *content);
    /* Sets a key of the result's _meta, "example.com/name"; the prefixes of MCP itself are refused. */
    kmcp_rc (*result_meta)(kmcp_ctx *, const char *key, const kmcp_json *value);
    /* In complete(): one candidate. The host keeps the first 100 and says that there are more. */
    kmcp_rc (*suggest)(kmcp_ctx *, const char *value);

    /* -- asking the client: in plan(), and in run() of a READ tool, get() and read() ------------------------------- */

    /* KMCP_OK and the answer, checked against its kind and schema, if there is one already. KMCP_AGAIN if not: the host
     * remembers the question. Ask whatever else is needed, then return KMCP_AGAIN, having changed nothing; the function is
     * called again from its top when the answers are there, and ask() then gives them, these and those of earlier rounds.
     * How the question reaches the client (a request of ours, a result that asks, a task that waits) is the host's
     * business. A client that cannot be asked this is refused in a way that says what it lacks: return what ask()
     * returned. At most 16 questions a round and 8 rounds. */
    kmcp_rc (*ask)(kmcp_ctx *, const struct kmcp_ask *question, const kmcp_json **answer);
    /* Keeps VALUE over the rounds of one call, sealed: the client carries it but can neither read nor change it. */
    kmcp_rc (*keep)(kmcp_ctx *, const char *key, const kmcp_json *value);
    const kmcp_json *(*kept)(kmcp_ctx *, const char *key); /* what an earlier round kept, or NULL */
    uint32_t (*client_can)(kmcp_ctx *);                    /* KMCP_CAN_* bits                     */

    /* -- while it runs ---------------------------------------------------------------------------------------------- */

    /* A log line for the client, if it wants this level (MCP server/utilities/logging). Never anything personal. */
    void (*tell)(kmcp_ctx *, uint32_t level, const char *fmt, ...) KMCP_PRINTF(3, 4);
    /* Waits MS milliseconds. KMCP_E_CANCELLED as soon as the call is cancelled, KMCP_E_TIMEOUT at its deadline. */
    kmcp_rc (*wait)(kmcp_ctx *, uint32_t ms);
    /* Lets go of the connection the client waits on, where it can come back for the rest (2025-11-25 over HTTP, SEP-1699),
     * and asks it to come back after RETRY_MS. Elsewhere nothing happens. */
    void (*let_go)(kmcp_ctx *, uint32_t retry_ms);

    /* -- what all clients see --------------------------------------------------------------------------------------- */

    /* Shows (or hides) one of the plugin's own tools, prompts or resources (by URI); clients are told that the list has
     * changed. A hidden one can be neither listed nor used. Needs KMCP_FEATURE_SHOW. Also in open(). */
    kmcp_rc (*show)(kmcp_ctx *, uint32_t list, const char *name, int shown);
    /* The resource at URI has changed: those who subscribed are told. Needs KMCP_RESOURCE_UPDATES on its row. */
    kmcp_rc (*updated)(kmcp_ctx *, const char *uri);
    /* ABI 1.1 ends here. Everything below is since 1.2 */

    /* A fact about the subject named last, in plan(): what the policy's rules look at, what the person is shown and the
     * record keeps. NAME "name", "serial", "user", "user_name", "blueprint", "blueprint_id", "blueprint_devices", "tag" (once
     * for each), "platform", "last_check_in" or one of your own (^[a-z][a-z0-9_]*$). A NULL or empty VALUE says that there
     * is none, which is not the same as not saying: a rule that allows does not match what was not said, one that denies
     * does. */
    kmcp_rc (*fact)(kmcp_ctx *, const char *name, const char *value);
    /* 1 if a rule or cap needs the fact NAME: for facts that cost a request. */
    int (*wants)(kmcp_ctx *, const char *name);
    /* ABI 1.2 ends here. Everything below is since 1.3 */

    /* -- questions about lists, in run() ---------------------------------------------------------------------------- */

    /* Sends REQUEST once for each of the N VALUES of its path parameter PARAM, several at a time, and calls FN with the
     * replies in order. What the service has not for one value is a NULL body. A value for which the request fails in
     * another way is left out; what will fail for all (three times in a row a permission, ten times anything; the request
     * limit, the call's time) ends it: KMCP_OK with complete = 0, COVERAGE->seen replies handed over, and a reason that
     * names the first that failed. Where not one reply came, the failure is returned. Only READ routes. Sends progress. */
    kmcp_rc (*each)(kmcp_ctx *, const struct kmcp_request *request, const char *param, const char *const *values, size_t n,
                    kmcp_each_fn fn, void *arg, struct kmcp_coverage *coverage);
    /* Answers a question about a list, and makes the result: text, structured content, or a file. ARGS are the caller's: the
     * names of columns (a condition each), "where", "fields", "sort", "group_by", "min", "max", "limit", "offset", "next",
     * "format"; docs/asking.md says what they mean. A tool takes those that its schema has. Conditions are checked on real
     * values before anything is masked, and left to the API where it honours them; rows are fetched with the members that the
     * question needs, and no further than it needs. QUERY->struct_size must be set. */
    kmcp_rc (*query)(kmcp_ctx *, const struct kmcp_query *query, const kmcp_json *args);
    /* Sends REQUEST beside the call's next one, for the call will soon make it, word for word, by http(): requests that do
     * not depend on each other then need not wait for each other. At most four at a time; READ routes, in run() of a READ
     * tool. A hint: where it is of no use nothing happens, and what goes wrong is http()'s to say. What is not asked for
     * after all is given up at the end of the call, and was a request for nothing. */
    void (*ahead)(kmcp_ctx *, const struct kmcp_request *request);
    /* ABI 1.3 ends here; append only */
};

/* Ask before calling anything newer than the plugin's needs_minor. */
#define KMCP_HOST_HAS(ctx, fn)                                                                                       \
    ((ctx)->host->struct_size >= offsetof(struct kmcp_host, fn) + sizeof((ctx)->host->fn))

#ifdef __cplusplus
}
#endif
#endif
