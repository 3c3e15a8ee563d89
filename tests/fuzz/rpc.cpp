// Bodies that the proxy looks into: the kind of a JSON-RPC message, the task that an answer
// creates, and whether a refusal means "unknown session".
//
// Input      A body.
// Invariants Where the bytes are cut makes no difference. What a quick reader finds, a whole parse
//            of the same JSON finds as well, unless a name occurs twice. A bounded look depends on
//            nothing behind its bound.
#include <nlohmann/json.hpp>
#include <set>

#include "fuzz.h"
#include "session/learn.h"
#include "session/rpc_message.h"
#include "session/task_id.h"

namespace ringside::fuzz {
namespace {

using nlohmann::json;
using session::RpcKind;

struct Whole {
  json value = json::value_t::discarded;
  bool has_twice = false;  // a name in one object
  int depth = 0;
  bool is_json() const { return !value.is_discarded(); }
};

Whole parse(std::string_view body) {
  Whole whole;
  std::vector<std::set<std::string>> names;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    whole.depth = std::max(whole.depth, depth);
    if (event == json::parse_event_t::object_start) names.emplace_back();
    if (event == json::parse_event_t::key) {
      whole.has_twice |= !names.back().insert(parsed.get<std::string>()).second;
    }
    if (event == json::parse_event_t::object_end) names.pop_back();
    return true;
  };
  whole.value = json::parse(body.begin(), body.end(), watch, false);
  return whole;
}

bool is_request(const json& message) {
  return message.is_object() && message.contains("method") && message["method"].is_string() &&
         message.contains("id") && (message["id"].is_string() || message["id"].is_number());
}

void check_kind(std::string_view body, const Whole& whole) {
  const RpcKind kind = session::rpc_kind(body);
  check(session::rpc_kind(std::string("\n ").append(body).append("\t\r\n")) == kind,
        "blanks make no difference", {body});
  if (whole.depth >= 256) return;  // deeper than rpc_kind() looks
  if (!whole.is_json()) {
    check(kind == RpcKind::other, "what is no JSON has no kind", {body});
    return;
  }
  const bool is_single = kind == RpcKind::request || kind == RpcKind::initialize;
  if (whole.value.is_array()) {
    check(kind != RpcKind::initialize && kind != RpcKind::initialized, "no batch is a handshake",
          {body});
    check((kind != RpcKind::request) || std::ranges::any_of(whole.value, is_request),
          "a batch that is a request has one", {body});
  } else if (!whole.has_twice) {
    const bool answers = whole.value.contains("result") || whole.value.contains("error");
    check(is_single == (is_request(whole.value) && !answers), "a request is one to all", {body});
    check(kind != RpcKind::response || answers, "a response has an answer", {body});
  }
  const std::string version = session::protocol_version_of(body);
  if (!version.empty() && !whole.has_twice) {
    check(whole.value["params"]["protocolVersion"] == version, "the version is the handshake's",
          {body, version});
  }
}

void check_task(std::string_view body, const Whole& whole, Random& random) {
  const auto task = session::task_id_of(body);
  session::TaskIdFinder cut;
  for (const std::string_view piece : pieces_of(body, random)) {
    if (!cut.feed(piece)) break;
  }
  check(cut.found() == task, "cuts make no difference", {body});
  if (!whole.is_json() || !whole.value.is_object() || whole.has_twice) return;
  const json* result = whole.value.contains("result") ? &whole.value["result"] : nullptr;
  const auto is_id_of = [&](const json& holder) {
    return holder.is_object() && holder.contains("taskId") && holder["taskId"] == *task;
  };
  check(!task || (result != nullptr &&
                  (is_id_of(*result) || (result->is_object() && result->contains("task") &&
                                         is_id_of((*result)["task"])))),
        "the task is the result's", {body, task.value_or("")});
}

void check_refusal(std::string_view body) {
  const bool unknown = session::says_unknown_session(body);
  check(session::says_unknown_session(body.substr(0, session::kUnknownSessionPeekBytes)) == unknown,
        "nothing behind the bound counts", {body});
  check(session::says_unknown_session(body, std::vector<std::string>{"no such thing"}) || !unknown,
        "more forms take none away", {body});
  if (body.find('\\') != body.npos) return;  // escapes have their case
  const bool is_json = body.find('{') != body.npos;
  check(is_json || session::says_unknown_session(upper(body)) == unknown,
        "a text's case makes no difference", {body});
}

}  // namespace
}  // namespace ringside::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringside::fuzz;
  const std::string_view input = as_text(data, size);
  auto random = random_for(input);
  const Whole whole = parse(input);
  check_kind(input, whole);
  check_task(input, whole, random);
  check_refusal(input);
  return 0;
}
