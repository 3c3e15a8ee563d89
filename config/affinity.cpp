// The rows. Defaults are not here: they are the members' initial values in session/options.h.
#include "config/affinity.h"

#include "base/limits.h"
#include "config/fields.h"
#include "config/names.h"

namespace ringside::config {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

using session::CookieOptions;
using session::HandleKind;
using session::HandleOptions;
using session::Mode;
using session::OnOwnerLost;
using session::ReviveOptions;
using session::SearchOptions;
using session::Stateless;
using session::TagOptions;

constexpr milliseconds kNone{0};
constexpr milliseconds kLeast{1};

constexpr std::array kModes{Word<Mode>{"learn", Mode::learn}, Word<Mode>{"tag", Mode::tag},
                            Word<Mode>{"cookie", Mode::cookie}, Word<Mode>{"client", Mode::client},
                            Word<Mode>{"none", Mode::none}};
constexpr std::array kOnOwnerLost{Word<OnOwnerLost>{"not_found", OnOwnerLost::not_found},
                                  Word<OnOwnerLost>{"reinitialize", OnOwnerLost::reinitialize}};
constexpr std::array kStateless{Word<Stateless>{"least_requests", Stateless::least_requests},
                                Word<Stateless>{"client", Stateless::client}};

constexpr std::array kRevive{
    whole<&ReviveOptions::per_second>(
        "per_second", 1, 100'000,
        "handshakes for the pool; a request that needs one more is answered 503"),
    flag<&ReviveOptions::unknown>(
        "unknown",
        "also revive ids that this proxy never saw; then whoever makes one up gets a session"),
};

constexpr Rule kUnknownForm{.type = "error_text",
                            .reason = "what the message begins with; case does not count",
                            .example = "a text, such as \"no such conversation\""};

constexpr std::array kSearch{
    whole<&SearchOptions::attempts>("attempts", 1, 1000,
                                    "endpoints asked for one request; each adds its round trip"),
    whole<&SearchOptions::in_flight>(
        "in_flight", 1, 100'000,
        "searches at once; one more is answered 503, past half of them of one client 429; each "
        "keeps a request's body"),
    whole<&SearchOptions::per_client>(
        "per_client", 1, 1'000'000,
        "failing searches a second; one more of that client is answered 429"),
    percent<&SearchOptions::share>(
        "share", 0, 100,
        "of the pool's ordinary requests, what failing searches may add beside 50 attempts a "
        "second, so that made-up ids cost the pods no more"),
    size<&SearchOptions::body_bytes>(
        "body_bytes", "size_or_0", 0, 16 * kMiB,
        "a request with a longer body is sent to one endpoint only; each search may keep as much"),
    duration<&SearchOptions::remember>(
        "remember", kNone, hours(1),
        "an id that nobody knows is answered 404 for so long, without a search"),
    values<&SearchOptions::unknown_forms, parse_error_text, kUnknownForm>(
        "unknown_forms", 0, 32,
        "how else the error message of a 400 that means \"unknown session\" begins; each such 400 "
        "is compared with all",
        "a list, such as [\"no such conversation\"]"),
};

constexpr Rule kKeyFile{.type = "file_path",
                        .reason = "a file with one key",
                        .example = "a path, such as /etc/ringside/tag.key"};
constexpr Rule kKeyVariable{.type = "variable_name",
                            .reason = "an environment variable with one key",
                            .example = "a name, such as RINGSIDE_TAG_KEY"};

constexpr std::array kTag{
    values<&TagOptions::key_files, parse_file_path, kKeyFile>(
        "key_files", 1, 8, "the first signs, all verify; a forged tag is tried with each",
        "a list, such as [/etc/ringside/tag.key]"),
    values<&TagOptions::key_env, parse_variable_name, kKeyVariable>(
        "key_env", 1, 8, "after the files; a forged tag is tried with each",
        "a list, such as [RINGSIDE_TAG_KEY]"),
};

constexpr std::array kCookie{
    parsed<&CookieOptions::name, parse_cookie_name>(
        "name",
        {.type = "cookie_name",
         .reason = "another where two proxies share a host",
         .example = "a name, such as ringside"},
        [](const CookieOptions& cookie) { return cookie.name; }),
    duration<&CookieOptions::ttl>("ttl", minutes(1), hours(720),
                                  "an unused cookie names its endpoint for so long"),
    parsed<&CookieOptions::path, parse_cookie_path>(
        "path",
        {.type = "cookie_path",
         .reason = "browsers send it for this path and all below it",
         .example = "a path, such as /"},
        [](const CookieOptions& cookie) { return cookie.path; }),
    flag<&CookieOptions::secure>("secure", "browsers send it over TLS only"),
};

template <HandleKind kKind, auto kParse>
constexpr Field<HandleOptions> handle(std::string_view name, const Rule& rule) {
  return {.name = name,
          .rule = rule,
          .read = [](Walk& walk, const Cursor& at, const Rule& own, HandleOptions& into) {
            into.kind = kKind;
            read_value(walk, at, own, kParse,
                       [&](std::string& value) { into.name = std::move(value); });
          }};
}

void read_tasks(Walk& walk, const Cursor& at, const Rule& rule, HandleOptions& into) {
  into.kind = HandleKind::tasks;
  read_value(walk, at, rule, parse_flag, [&](bool is_wanted) {
    if (!is_wanted) walk.fault(at, {"names nothing", "write tasks: true, or leave it out"});
  });
}

constexpr std::array kHandle{
    handle<HandleKind::header, parse_handle_field>(
        "header",
        {.type = "header_name", .reason = "the value of this field", .example = "mcp-param-room"}),
    handle<HandleKind::query, parse_query_key>(
        "query",
        {.type = "query_key", .reason = "the value of this key of the query", .example = "room"}),
    handle<HandleKind::cookie, parse_cookie_name>(
        "cookie", {.type = "cookie_name", .reason = "the value of this cookie", .example = "app"}),
    Field<HandleOptions>{.name = "tasks",
                         .rule = {.type = "boolean",
                                  .reason = "the id of a task, which is learned from tools/call",
                                  .example = "true"},
                         .read = read_tasks},
};

constexpr std::array kAffinity{
    choice<&session::Options::mode, kModes>(
        "mode",
        "learn: a session stays where its id was issued; tag: its id names the endpoint; cookie: a "
        "cookie does; client: the client's address decides; none: spread"),
    parsed<&session::Options::header, parse_header_name>(
        "header",
        {.type = "header_name",
         .reason = "the field that carries the session's id",
         .example = "mcp-session-id"},
        [](const session::Options& options) { return options.header; }),
    duration<&session::Options::idle_ttl>(
        "idle_ttl", kLeast, hours(720),
        "a session unused for so long is forgotten here; an open stream is use"),
    duration<&session::Options::owner_grace>(
        "owner_grace", kNone, hours(24),
        "an owner that has refused connections for so long has lost its "
        "sessions; until then they are answered 503"),
    whole<&session::Options::max_sessions>(
        "max_sessions", 1, 100'000'000,
        "past it the least recently used is forgotten; each takes memory"),
    whole<&session::Options::max_sessions_per_client>(
        "max_sessions_per_client", 0, 100'000'000,
        "a client that holds so many gets no new one; 0 is none"),
    whole<&session::Options::max_streams_per_session>(
        "max_streams_per_session", 0, 65'535,
        "a session that has so many open event streams gets no new one; 0 is none"),
    choice<&session::Options::on_owner_lost, kOnOwnerLost>(
        "on_owner_lost",
        "not_found: 404, which makes a client start a new session; reinitialize: it is revived on "
        "another endpoint"),
    section<&session::Options::revive, kRevive>("revive", "how sessions are revived"),
    section<&session::Options::search, kSearch>(
        "search", "what looking for the owner of an unknown session may cost"),
    section<&session::Options::tag, kTag>("tag", "the keys of modes tag and cookie"),
    section<&session::Options::cookie, kCookie>("cookie", "the cookie of mode cookie"),
    list_of<&session::Options::handles, kHandle>(
        "handles", 0, 16,
        "what else names state; each request without a session is looked through for them"),
    choice<&session::Options::stateless, kStateless>(
        "stateless",
        "requests of revision 2026-07-28: least_requests: the less busy of two endpoints; client: "
        "the client's address decides"),
};

}  // namespace

std::span<const Field<session::Options>> affinity_fields() { return kAffinity; }

}  // namespace ringside::config
