// Which session, handle, cookie and tag a request has, and what an answer teaches.
//
// Input      A request target on the first line, then header fields, a line each, of any bytes.
// Invariants One good id and nothing like it beside, or no session: counted here anew. Neither the
//            order of fields nor the case of their names counts. No tag or cookie verifies that the
//            key did not sign; what it signed does, and with one character changed does not.
#include "session/cookie.h"
#include "session/handle.h"
#include "session/identify.h"
#include "session/learn.h"

#include <array>

#include "fuzz.h"

namespace ringside::fuzz {
namespace {

using http::Field;
using http::Method;
using session::Claim;

constexpr std::string_view kHeader = "Mcp-Session-Id";
constexpr session::sys_seconds kNow{std::chrono::sys_days(std::chrono::January / 1 / 2026)};

const session::TagKeys& keys() {
  static const session::TagKeys made = [] {
    session::TagKeys result;
    for (const char* secret : {"first key of the fuzzer", "second key of the fuzzer"}) {
      check(result.add(secret).has_value(), "the key is good");
    }
    return result;
  }();
  return made;
}

http::RequestHead head_of(std::string_view target, std::span<const Field> fields, Method method) {
  http::RequestHead head;
  head.method = method;
  head.target = target;
  head.fields = fields;
  return head;
}

// The same fields, the other way round and in capitals.
struct Mirrored {
  explicit Mirrored(std::span<const Field> from) {
    for (const Field& field : from) names.push_back(upper(field.name));
    for (std::size_t i = from.size(); i-- > 0;) {
      fields.push_back({names[i], from[i].value, http::field_id(names[i])});
    }
  }
  std::vector<std::string> names;
  std::vector<Field> fields;
};

void check_claim(const http::RequestHead& head) {
  unsigned exact = 0;
  std::string_view value;
  for (const Field& field : head.fields) {
    if (lower(field.name) != "mcp-session-id") continue;
    ++exact;
    value = field.value;
  }
  const bool is_good = std::ranges::all_of(value, [](char c) { return c > ' ' && c < 0x7f; });
  const session::RequestIdentity identity = session::identify(head, http::FieldName(kHeader));
  check((identity.claim == Claim::duplicate) == (exact > 1), "two are two");
  if (exact > 1) return;
  check((identity.claim == Claim::malformed) == !is_good, "what is no id is no id", {value});
  const bool names_one = exact == 1 && is_good && !value.empty();
  check((identity.claim == Claim::id) == (names_one && identity.era == session::Era::legacy),
        "one good id is the session", {value});
  check(identity.id == (identity.claim == Claim::id ? value : ""), "the id is the field's value");
  check(!identity.may_learn || head.method == Method::post, "only a POST is answered with an id");

  http::ResponseHead response;
  response.fields = head.fields;
  check(session::issued_id(response, http::FieldName(kHeader)) == (names_one ? value : ""),
        "one good id is issued, or none", {value});
}

void check_mirrored(const http::RequestHead& head,
                    std::span<const session::HandleOptions> handles) {
  const Mirrored mirrored(head.fields);
  const http::RequestHead other = head_of(head.target, mirrored.fields, head.method);
  const session::RequestIdentity one = session::identify(head, http::FieldName(kHeader));
  const session::RequestIdentity two = session::identify(other, http::FieldName(kHeader));
  check(one.claim == two.claim && one.id == two.id && one.era == two.era &&
            one.may_learn == two.may_learn,
        "order and case make no difference to the session");
  for (const session::HandleOptions& handle : handles) {
    if (handle.kind == session::HandleKind::cookie) continue;  // the first of a name counts
    const auto first = session::find_handle(head, {&handle, 1});
    const auto second = session::find_handle(other, {&handle, 1});
    check(first.has_value() == second.has_value() && (!first || first->key == second->key),
          "order and case make no difference to a handle");
  }
}

void check_handles(const http::RequestHead& head, std::span<const session::HandleOptions> handles) {
  for (const session::HandleOptions& options : handles) {
    const auto handle = session::find_handle(head, {&options, 1});
    if (!handle) continue;
    check(!handle->value().empty(), "an empty handle is none");
    check(handle->key.starts_with('\0') && handle->key.find('\0', 1) == handle->value_at - 1,
          "a key cannot be a session id, nor another handle's", {handle->key});
    if (options.kind == session::HandleKind::tasks) {
      check(session::task_key(handle->value()) == handle->key, "a task has one key");
    }
  }
}

// Of a cookie that nobody signed, and of one that is signed here and set among the others.
void check_cookies(const http::RequestHead& head, Random& random) {
  const auto read = session::read_cookie(keys(), head, "ringside", kNow);
  check(read.state == session::CookieState::absent || read.state == session::CookieState::invalid,
        "no cookie verifies that the key did not sign");
  const session::EndpointCode code = session::code_of(keys()[0], "pod-1");
  std::string set = session::set_cookie(keys(), code, {}, false, kNow);
  set.resize(set.find(';'));
  for (const Field& field : head.fields) {
    if (field.id != http::FieldId::cookie) continue;
    std::string scratch;
    const std::string rest(session::without_cookie(field.value, "ringside", scratch));
    check(session::without_cookie(rest, "ringside", scratch) == rest, "taken off once is taken off",
          {field.value, rest});
    std::string longer = rest;
    longer.append(rest.empty() ? "" : "; ").append(set);
    const Field with{field.name, longer, field.id};
    const auto again =
        session::read_cookie(keys(), head_of("/", {&with, 1}, head.method), "ringside", kNow);
    check(again.state == session::CookieState::valid && again.code == code,
          "a cookie that the key signed verifies", {longer});
    longer[longer.size() - 1 - random.below(27)] ^= 1;
    const auto changed =
        session::read_cookie(keys(), head_of("/", {&with, 1}, head.method), "ringside", kNow);
    check(changed.state == session::CookieState::invalid, "a changed cookie does not", {longer});
  }
}

void check_tag(std::string_view id, Random& random) {
  check(session::read_tag(keys(), id).tag != session::Tag::valid,
        "no tag verifies that the key did not sign", {id});
  std::string outward = session::sign(keys(), id, "pod-1");
  const auto read = session::read_tag(keys(), outward);
  check(read.tag == session::Tag::valid && read.id == id && read.key == 0 &&
            read.code == session::code_of(keys()[0], "pod-1"),
        "a tag that the key signed verifies", {outward});
  flip_a_bit(outward[random.below(static_cast<std::uint32_t>(outward.size()))], random);
  check(session::read_tag(keys(), outward).tag != session::Tag::valid, "a changed id does not",
        {id, outward});
}

void check_lessons(const http::RequestHead& head, Random& random) {
  const session::RequestIdentity identity = session::identify(head, http::FieldName(kHeader));
  const unsigned status = 100 + random.below(500);
  const session::Answer answer{.method = head.method,
                               .claim = identity.claim,
                               .era = identity.era,
                               .may_learn = identity.may_learn,
                               .on_session_path = random.below(2) == 0,
                               .status = status,
                               .issues_other_id = random.below(2) == 0};
  const session::Lesson lesson = session::lesson_of(answer);
  const bool is_success = status >= 200 && status < 300;
  check(lesson != session::Lesson::learn || (is_success && head.method == Method::post),
        "only a good answer to a POST issues a session");
  const bool forgets = lesson != session::Lesson::learn && lesson != session::Lesson::nothing;
  check(!forgets || identity.claim == Claim::id, "nothing is forgotten that was not named");
}

}  // namespace
}  // namespace ringside::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringside;
  using namespace ringside::fuzz;
  using session::HandleKind;
  static const std::array<session::HandleOptions, 5> handles{
      {{HandleKind::header, "mcp-param-room"},
       {HandleKind::header, "x-room"},
       {HandleKind::query, "room"},
       {HandleKind::cookie, "room"},
       {HandleKind::tasks, ""}}};
  constexpr std::array kMethods{Method::get, Method::post, Method::delete_, Method::other};
  const std::string_view input = as_text(data, size);
  auto random = random_for(input);
  const std::string_view target = input.substr(0, input.find('\n'));
  const auto fields = fields_of(input.substr(std::min(target.size() + 1, input.size())));
  const auto head = head_of(target, fields, kMethods[random.below(kMethods.size())]);
  check_claim(head);
  check_mirrored(head, handles);
  check_handles(head, handles);
  check_cookies(head, random);
  for (const http::Field& field : fields) check_tag(field.value, random);
  check_lessons(head, random);
  return 0;
}
