// Parameters in, JSON out.
#include "admin/session_pages.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>

#include "base/address_text.h"
#include "base/digest.h"
#include "http/query.h"

namespace ringside::admin {
namespace {

using nlohmann::ordered_json;

// RFC 3339, UTC.
std::string time_text(sys_seconds time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 40> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

ordered_json text_or_null(const std::string& text) {
  return text.empty() ? ordered_json() : ordered_json(text);
}

ordered_json json_of(const SessionView& session) {
  ordered_json json{{"digest", digest_text(session.digest)},
                    {"pool", session.pool},
                    {"endpoint", text_or_null(session.endpoint)},
                    {"client", text_or_null(session.client)},
                    {"created", time_text(session.created)},
                    {"last_used", time_text(session.last_used)},
                    {"streams", session.streams}};
  if (session.provisional) json["provisional"] = true;
  if (session.revived) json["revived"] = true;
  return json;
}

Page json_page(const ordered_json& json) {
  return {200,
          "application/json",
          json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n",
          {}};
}

// 16 hex digits, as digest_text() writes them.
std::optional<std::uint64_t> read_digest(std::string_view text) {
  std::uint64_t digest = 0;
  const char* begin = text.begin();
  const char* end = text.end();
  const auto [stop, fault] = std::from_chars(begin, end, digest, 16);
  if (text.size() != 16 || fault != std::errc() || stop != end) return std::nullopt;
  return digest;
}

constexpr std::string_view kDigestForm =
    "a digest has 16 hex digits: printf %s \"$ID\" | sha256sum | cut -c1-16";

Page no_session(std::string_view digest) {
  return problem(404, "no session with the digest " + std::string(digest) + " is bound here");
}

// A parameter of a page: its name, and what takes its value; that one returns what is wrong.
struct Parameter {
  std::string_view name;
  std::function<std::string(std::string)> take;
};

// What is wrong with the query; empty: nothing.
std::string read_query(std::string_view target, std::span<const Parameter> parameters) {
  http::QueryPairs pairs(target);
  std::string scratch;
  while (const auto pair = pairs.next()) {
    if (pair->name.empty() && pair->value.empty()) continue;
    const auto known = std::ranges::find(parameters, pair->name, &Parameter::name);
    if (known == parameters.end()) {
      std::string names;
      for (const Parameter& each : parameters) {
        names.append(names.empty() ? "" : ", ").append(each.name);
      }
      return "there is no parameter " + in_quotes(pair->name) + "; there are " + names;
    }
    const auto value = http::percent_decoded(pair->value, http::Plus::space, scratch);
    if (!value) return std::string(known->name) + ": a percent sign without two hex digits";
    if (std::string fault = known->take(std::string(*value)); !fault.empty()) return fault;
  }
  return "";
}

Parameter text_into(std::string_view name, std::string& into) {
  return {name, [&into](std::string value) {
            into = std::move(value);
            return std::string();
          }};
}

std::string read_limit(const std::string& value, std::size_t& into) {
  const char* end = value.data() + value.size();
  const auto [stop, fault] = std::from_chars(value.data(), end, into);
  const bool good = fault == std::errc() && stop == end && into >= 1 && into <= kSessionsOnPageMax;
  return good ? "" : "limit: a number from 1 to " + std::to_string(kSessionsOnPageMax);
}

// {"endpoint": NAME}; nullopt for anything else.
std::optional<std::string> endpoint_in(std::string_view body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || json.size() != 1) return std::nullopt;
  const auto endpoint = json.find("endpoint");
  if (endpoint == json.end() || !endpoint->is_string()) return std::nullopt;
  return endpoint->get<std::string>();
}

}  // namespace

Page list_sessions(Sessions& sessions, const Request& request, std::string_view) {
  SessionQuery query{.limit = kSessionsOnPage};
  const std::array<Parameter, 4> parameters{
      text_into("pool", query.pool), text_into("endpoint", query.endpoint),
      Parameter{"limit", [&](const std::string& value) { return read_limit(value, query.limit); }},
      Parameter{"after", [&](const std::string& value) {
                  const auto digest = read_digest(value);
                  query.after = digest.value_or(0);
                  return digest ? std::string() : "after: " + std::string(kDigestForm);
                }}};
  if (const std::string fault = read_query(request.target, parameters); !fault.empty()) {
    return problem(400, fault);
  }
  const auto page = sessions.list(query);
  if (!page) return problem(400, page.error().detail);
  ordered_json list = ordered_json::array();
  for (const SessionView& session : page->sessions) list.push_back(json_of(session));
  const bool goes_on = page->has_more && !page->sessions.empty();
  const ordered_json next =
      goes_on ? ordered_json(digest_text(page->sessions.back().digest)) : ordered_json();
  return json_page({{"sessions", std::move(list)}, {"next", next}});
}

Page show_session(Sessions& sessions, const Request&, std::string_view digest) {
  const auto number = read_digest(digest);
  if (!number) return problem(400, kDigestForm);
  const auto session = sessions.find(*number);
  return session ? json_page(json_of(*session)) : no_session(digest);
}

Page forget_session(Sessions& sessions, const Request&, std::string_view digest) {
  const auto number = read_digest(digest);
  if (!number) return problem(400, kDigestForm);
  if (!sessions.forget(*number)) return no_session(digest);
  return {204, {}, {}, {}};
}

Page move_session(Sessions& sessions, const Request& request, std::string_view digest) {
  const auto number = read_digest(digest);
  if (!number) return problem(400, kDigestForm);
  const auto endpoint = endpoint_in(request.body);
  if (!endpoint) return problem(400, "the body is not {\"endpoint\": NAME}");
  const auto moved = sessions.move(*number, *endpoint);
  if (!moved) return problem(400, moved.error().detail);
  return *moved ? json_page(json_of(**moved)) : no_session(digest);
}

Page explain_request(Sessions& sessions, const Request& request, std::string_view) {
  ExplainQuery query;
  const std::array<Parameter, 6> parameters{text_into("client", query.client),
                                            Parameter{"header",
                                                      [&](std::string value) {
                                                        query.fields.push_back(std::move(value));
                                                        return std::string();
                                                      }},
                                            text_into("pool", query.pool),
                                            text_into("listener", query.listener),
                                            text_into("method", query.method),
                                            text_into("path", query.path)};
  if (const std::string fault = read_query(request.target, parameters); !fault.empty()) {
    return problem(400, fault);
  }
  auto json = sessions.explain(query);
  if (!json) return problem(400, json.error().detail);
  return {200, "application/json", std::move(*json), {}};
}

}  // namespace ringside::admin
