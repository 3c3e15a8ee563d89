// Names for numbers, wall clock for loop clock, JSON for an explanation.
#include "app/session_views.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/address_text.h"
#include "base/digest.h"
#include "http/parser.h"
#include "relay/explain.h"

namespace ringside::app {
namespace {

using nlohmann::ordered_json;
using session::Table;

const upstream::Endpoint* endpoint_named(const relay::Pool& pool, const std::string& name) {
  const auto& endpoints = pool.snapshot().endpoints();
  const auto found =
      std::ranges::find_if(endpoints, [&](const auto& each) { return each->name() == name; });
  return found == endpoints.end() ? nullptr : found->get();
}

std::unexpected<Error> no_such(std::string_view kind, const std::string& name,
                               const std::string& known) {
  std::string text = "there is no ";
  text.append(kind).append(" ").append(in_quotes(name));
  return fail(text.append("; there are ").append(known));
}

template <class Items, class NameOf>
std::string names(const Items& items, NameOf name_of) {
  std::string text;
  for (const auto& item : items) text.append(text.empty() ? "" : ", ").append(name_of(item));
  return text;
}

std::string endpoint_names(const relay::Pool& pool) {
  return names(pool.snapshot().endpoints(), [](const auto& each) { return each->name(); });
}

ordered_json name_or_null(const upstream::Endpoint* endpoint) {
  return endpoint == nullptr ? ordered_json() : ordered_json(endpoint->name());
}

ordered_json refusal_json(relay::Failure failure) {
  if (failure == relay::Failure::none) return {};
  const relay::FailureRow& row = relay::row_of(failure);
  return {{"status", row.status}, {"error", row.word}, {"message", row.message}};
}

ordered_json json_of(const relay::Explanation& told, const std::string& listener) {
  ordered_json json{
      {"listener", listener},
      {"pool", told.pool == nullptr ? ordered_json() : ordered_json(told.pool->options().name)},
      {"client", told.client.empty() ? ordered_json() : ordered_json(told.client.host_text())},
      {"row", told.row == 0 ? ordered_json() : ordered_json(told.row)},
      {"rule", told.rule.empty() ? ordered_json() : ordered_json(told.rule)},
      {"picked_by", observe::text(told.picked_by)},
      {"session", told.digest ? ordered_json(digest_text(*told.digest)) : ordered_json()},
      {"bound", told.is_bound}};
  if (told.is_provisional) json["provisional"] = true;
  if (told.is_revived) json["revived"] = true;
  json["owner"] = name_or_null(told.owner);
  json["endpoint"] = name_or_null(told.endpoints.empty() ? nullptr : told.endpoints.front());
  json["then"] = ordered_json::array();
  for (std::size_t i = 1; i < told.endpoints.size(); ++i) {
    json["then"].push_back(told.endpoints[i]->name());
  }
  json["why"] = told.why;
  json["refused"] = refusal_json(told.refused);
  return json;
}

bool has_field(const std::vector<std::string>& fields, std::string_view name) {
  return std::ranges::any_of(fields, [&](const std::string& field) {
    return http::equals_ignoring_case(field.substr(0, field.find(':')), name);
  });
}

// The bytes of the request's head; the parser judges them as it judges a client's. Only what would
// end a line or the head is refused here.
Result<std::string> head_of(const admin::ExplainQuery& query) {
  std::string head = query.method.empty() ? "POST" : query.method;
  head.append(" ").append(query.path.empty() ? "/mcp" : query.path).append(" HTTP/1.1\r\n");
  if (!has_field(query.fields, "host")) head += "host: ringside\r\n";
  for (const std::string& field : query.fields) {
    if (field.find(':') == std::string::npos) {
      return fail("header: " + in_quotes(field) + " is not \"name: value\"");
    }
    head.append(field).append("\r\n");
  }
  const auto lines = static_cast<std::size_t>(std::ranges::count(head, '\n'));
  const std::size_t written = 1 + query.fields.size() + (has_field(query.fields, "host") ? 0 : 1);
  if (lines != written) return fail("a method, a path or a header has a line break");
  return head.append("\r\n");
}

}  // namespace

void SessionViews::read_clocks() { clock_.set(now_(), std::chrono::system_clock::now()); }

admin::SessionView SessionViews::view_of(const relay::Pool& pool,
                                         const Table::Listed& listed) const {
  const auto wall = [this](Time time) {
    return std::chrono::floor<std::chrono::seconds>(
        std::chrono::sys_time<milliseconds>(milliseconds(clock_.to_wall_ms(time))));
  };
  const upstream::Endpoint* owner = pool.snapshot().find(listed.owner);
  return {.digest = listed.digest,
          .pool = pool.options().name,
          .endpoint = owner != nullptr ? owner->name() : "",
          .client = listed.client.empty() ? "" : listed.client.host_text(),
          .created = wall(listed.created),
          .last_used = wall(listed.last_used),
          .streams = listed.streams,
          .provisional = listed.provisional,
          .revived = listed.revived};
}

Result<std::optional<std::size_t>> SessionViews::pool_index(const std::string& name) const {
  if (name.empty()) return std::optional<std::size_t>();
  for (const relay::Pool& pool : shared_.pools) {
    if (pool.options().name == name) return std::optional(pool.index());
  }
  return no_such("pool", name,
                 names(shared_.pools, [](const relay::Pool& pool) { return pool.options().name; }));
}

Result<std::size_t> SessionViews::listener_index(const std::string& name) const {
  const auto& listeners = shared_.listeners;
  if (name.empty()) return 0;
  const auto found = std::ranges::find(listeners, name, &relay::ListenerOptions::name);
  if (found != listeners.end()) return static_cast<std::size_t>(found - listeners.begin());
  return no_such("listener", name,
                 names(listeners, [](const auto& listener) { return listener.name; }));
}

// A misspelt name would give an empty list.
Result<void> SessionViews::check_names(const admin::SessionQuery& query) const {
  const auto pool = pool_index(query.pool);
  if (!pool) return std::unexpected(pool.error());
  if (query.endpoint.empty()) return {};
  std::string known;
  for (const relay::Pool& each : shared_.pools) {
    if (*pool && each.index() != **pool) continue;
    if (endpoint_named(each, query.endpoint) != nullptr) return {};
    known.append(known.empty() ? "" : ", ").append(endpoint_names(each));
  }
  return no_such("endpoint", query.endpoint, known);
}

Result<admin::SessionList> SessionViews::list(const admin::SessionQuery& query) {
  if (const auto good = check_names(query); !good) return std::unexpected(good.error());
  read_clocks();
  admin::SessionList all;
  for (relay::Pool& pool : shared_.pools) {
    if (!query.pool.empty() && pool.options().name != query.pool) continue;
    Table::ListQuery part{.after_digest = query.after, .limit = query.limit + 1};
    if (!query.endpoint.empty()) {
      const upstream::Endpoint* endpoint = endpoint_named(pool, query.endpoint);
      if (endpoint == nullptr) continue;
      part.owner = endpoint->id();
    }
    for (const Table::Listed& listed : pool.sessions().list(part)) {
      all.sessions.push_back(view_of(pool, listed));
    }
  }
  std::ranges::stable_sort(all.sessions, {}, &admin::SessionView::digest);
  std::size_t end = std::min(query.limit, all.sessions.size());
  while (end > 0 && end < all.sessions.size() &&
         all.sessions[end].digest == all.sessions[end - 1].digest) {
    ++end;
  }
  all.has_more = end < all.sessions.size();
  all.sessions.resize(end);
  return all;
}

std::optional<admin::SessionView> SessionViews::find(std::uint64_t digest) {
  read_clocks();
  for (relay::Pool& pool : shared_.pools) {
    if (const auto listed = pool.sessions().find_digest(digest)) return view_of(pool, *listed);
  }
  return std::nullopt;
}

bool SessionViews::forget(std::uint64_t digest) {
  bool forgotten = false;
  for (relay::Pool& pool : shared_.pools) {
    const Time until = now_() + pool.options().affinity.idle_ttl;
    if (!pool.sessions().forget_digest(digest, now_(), until)) continue;
    forgotten = true;
    shared_.log.info("session forgotten by an operator",
                     {{"pool", pool.options().name}, {"session", digest_text(digest)}});
  }
  return forgotten;
}

Result<std::optional<admin::SessionView>> SessionViews::move(std::uint64_t digest,
                                                             const std::string& endpoint) {
  read_clocks();
  std::optional<admin::SessionView> moved;
  std::string known;  // endpoints of pools that have the session, but none of that name
  for (relay::Pool& pool : shared_.pools) {
    if (!pool.sessions().find_digest(digest)) continue;
    const upstream::Endpoint* to = endpoint_named(pool, endpoint);
    if (to == nullptr) {
      known.append(known.empty() ? "" : ", ").append(endpoint_names(pool));
      continue;
    }
    if (!pool.sessions().move_digest(digest, to->id(), now_())) continue;
    shared_.log.info(
        "session moved by an operator",
        {{"pool", pool.options().name}, {"session", digest_text(digest)}, {"endpoint", endpoint}});
    const auto listed = pool.sessions().find_digest(digest);
    if (listed && !moved) moved = view_of(pool, *listed);
  }
  if (!moved && !known.empty()) return no_such("endpoint", endpoint, known);
  return moved;
}

Result<std::string> SessionViews::explain(const admin::ExplainQuery& query) {
  const auto listener = listener_index(query.listener);
  if (!listener) return std::unexpected(listener.error());
  const auto pool = pool_index(query.pool);
  if (!pool) return std::unexpected(pool.error());
  const auto peer = Address::parse_host(query.client.empty() ? "127.0.0.1" : query.client);
  if (!peer) return fail("client: " + in_quotes(query.client) + " is not an IP address");
  const auto head = head_of(query);
  if (!head) return std::unexpected(head.error());
  const relay::Explanation told = relay::explain(
      shared_, {.listener = *listener, .pool = *pool, .peer = *peer, .head = *head}, now_(),
      std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
  return json_of(told, shared_.listeners[*listener].name)
             .dump(-1, ' ', false, ordered_json::error_handler_t::replace) +
         "\n";
}

}  // namespace ringside::app
