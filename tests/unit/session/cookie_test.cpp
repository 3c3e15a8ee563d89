#include "session/cookie.h"

#include <catch2/catch_test_macros.hpp>
#include <initializer_list>
#include <string>

#include "base/random.h"
#include "heads.h"

namespace ringside::session {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kOld = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kNew = "fedcba9876543210fedcba9876543210";
constexpr sys_seconds kNow{1'800'000'000s};

TagKeys keys_of(std::initializer_list<std::string_view> secrets) {
  TagKeys keys;
  for (const std::string_view secret : secrets) REQUIRE(keys.add(secret));
  return keys;
}

CookieRead read(const TagKeys& keys, NamesAndValues fields, sys_seconds now = kNow) {
  return read_cookie(keys, Fields(fields).request(http::Method::get), "ringside", now);
}

// NAME=VALUE of a cookie for burger-mcp-0, as a client sends it back.
std::string pair_of(const TagKeys& keys, sys_seconds now = kNow) {
  const std::string field = set_cookie(keys, code_of(keys[0], "burger-mcp-0"), {}, false, now);
  return field.substr(0, field.find(';'));
}

std::string without(std::string_view value, std::string_view name = "ringside") {
  std::string scratch = "of an earlier call";
  return std::string(without_cookie(value, name, scratch));
}

// The value was made with the hmac and base64 modules of Python.
TEST_CASE("cookie: it is set with a path, its life, and out of reach of scripts") {
  const TagKeys keys = keys_of({kOld});
  const EndpointCode code = code_of(keys[0], "burger-mcp-0");
  CHECK(set_cookie(keys, code, {}, false, kNow) ==
        "ringside=lpcbjicfDT4bMIPHMusiZxnyCWY; Path=/; Max-Age=10800; HttpOnly; SameSite=Lax");
  const CookieOptions options{.name = "app", .ttl = 1999ms, .path = "/burger"};
  const std::string field = set_cookie(keys, code, options, false, kNow);
  CHECK(field.starts_with("app="));
  CHECK(field.ends_with("; Path=/burger; Max-Age=1; HttpOnly; SameSite=Lax"));
}

TEST_CASE("cookie: it is for TLS alone when it comes over TLS, or when the options say so") {
  const TagKeys keys = keys_of({kOld});
  const EndpointCode code = code_of(keys[0], "burger-mcp-0");
  const CookieOptions secure{.secure = true};
  CHECK(set_cookie(keys, code, {}, true, kNow).ends_with("; SameSite=Lax; Secure"));
  CHECK(set_cookie(keys, code, secure, false, kNow).ends_with("; SameSite=Lax; Secure"));
}

TEST_CASE("cookie: what was set is read back, for as long as it lives") {
  const TagKeys keys = keys_of({kOld});
  const std::string pair = pair_of(keys);
  const CookieRead fresh = read(keys, {{"Cookie", pair}});
  REQUIRE(fresh.state == CookieState::valid);
  CHECK(fresh.code == code_of(keys[0], "burger-mcp-0"));
  CHECK(fresh.key == 0);
  CHECK(fresh.left == 3h);
  CHECK(read(keys, {{"Cookie", pair}}, kNow + 3h - 1s).left == 1s);
  CHECK(read(keys, {{"Cookie", pair}}, kNow + 3h - 1s).state == CookieState::valid);
  CHECK(read(keys, {{"Cookie", pair}}, kNow + 3h).state == CookieState::expired);
  CHECK(read(keys, {{"Cookie", pair}}, kNow + 100'000h).state == CookieState::expired);
}

TEST_CASE("cookie: it is renewed when less than half of its life is left") {
  CHECK_FALSE(should_renew(10s, 10s));
  CHECK_FALSE(should_renew(5s, 10s));
  CHECK(should_renew(4s, 10s));
  CHECK(should_renew(0s, 10s));
  CHECK_FALSE(should_renew(1s, 1999ms));
  CHECK_FALSE(should_renew(100h, 3h));  // of a time when cookies lived longer
}

TEST_CASE("cookie: a clock outside of what a cookie can say lets none live for ever") {
  const TagKeys keys = keys_of({kOld});
  const sys_seconds before_2020{1'000'000'000s};
  CHECK(read(keys, {{"cookie", pair_of(keys, before_2020)}}).state == CookieState::expired);
  const sys_seconds after_2156{7'000'000'000s};
  CHECK(read(keys, {{"cookie", pair_of(keys, after_2156)}}, after_2156).state ==
        CookieState::expired);
}

TEST_CASE("cookie: keys rotate as with tags") {
  const TagKeys before = keys_of({kOld});
  const TagKeys rotated = keys_of({kNew, kOld});
  const TagKeys after = keys_of({kNew});
  const CookieRead by_old = read(rotated, {{"cookie", pair_of(before)}});
  CHECK(by_old.state == CookieState::valid);
  CHECK(by_old.key == 1);
  CHECK(by_old.code == code_of(before[0], "burger-mcp-0"));
  CHECK(pair_of(rotated) == pair_of(after));
  CHECK(read(after, {{"cookie", pair_of(before)}}).state == CookieState::invalid);
  CHECK(read(TagKeys{}, {{"cookie", pair_of(before)}}).state == CookieState::invalid);
}

TEST_CASE("cookie: with any one character of its value altered, missing or added it is invalid") {
  const TagKeys keys = keys_of({kOld, kNew});
  const std::string pair = pair_of(keys);
  for (std::size_t at = std::string("ringside=").size(); at < pair.size(); ++at) {
    for (int byte = 0x21; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      if (c == ';' || c == pair[at]) continue;
      std::string altered = pair;
      altered[at] = c;
      if (read(keys, {{"cookie", altered}}).state != CookieState::invalid) {
        FAIL_CHECK(byte << " at " << at);
      }
    }
    CHECK(read(keys, {{"cookie", pair.substr(0, at)}}).state == CookieState::invalid);
    CHECK(read(keys, {{"cookie", pair.substr(0, at) + ";" + pair.substr(at)}}).state ==
          CookieState::invalid);
  }
  CHECK(read(keys, {{"cookie", pair + "A"}}).state == CookieState::invalid);
  CHECK(read(keys, {{"cookie", pair + "="}}).state == CookieState::invalid);
}

TEST_CASE("cookie: a session's tag is no cookie, and a cookie no tag") {
  const TagKeys keys = keys_of({kOld});
  const TagSuffix suffix = tag_suffix(keys, "", code_of(keys[0], "burger-mcp-0"));
  const std::string tag(suffix.data() + 1, suffix.size() - 1);
  for (const std::string& value : {tag, tag + "AAAAA", "AAAAA" + tag}) {
    CHECK(read(keys, {{"cookie", "ringside=" + value}}).state == CookieState::invalid);
  }
  const std::string value = pair_of(keys).substr(std::string("ringside=").size());
  CHECK(read_tag(keys, "." + value).tag == Tag::untagged);
  CHECK(read_tag(keys, "." + value.substr(0, 22)).tag == Tag::forged);
}

TEST_CASE("cookie: it is found among others, in any Cookie field, by its exact name") {
  const TagKeys keys = keys_of({kOld});
  const std::string pair = pair_of(keys);
  const auto state = [&](NamesAndValues fields) { return read(keys, fields).state; };
  CHECK(state({}) == CookieState::absent);
  CHECK(state({{"cookie", ""}}) == CookieState::absent);
  CHECK(state({{"cookie", "a=1; b=2"}}) == CookieState::absent);
  CHECK(state({{"x-cookie", pair}}) == CookieState::absent);
  CHECK(state({{"cookie", "x" + pair}}) == CookieState::absent);
  CHECK(state({{"cookie", "RINGSIDE" + pair.substr(8)}}) == CookieState::absent);
  CHECK(state({{"cookie", "ringside"}}) == CookieState::absent);
  CHECK(state({{"cookie", "a=" + pair}}) == CookieState::absent);
  CHECK(state({{"cookie", "ringside="}}) == CookieState::invalid);
  CHECK(state({{"cookie", "ringside=\"" + pair.substr(9) + "\""}}) == CookieState::invalid);
  CHECK(state({{"Cookie", "a=1; " + pair + "; b=2"}}) == CookieState::valid);
  CHECK(state({{"COOKIE", "a=1;" + pair}}) == CookieState::valid);
  CHECK(state({{"cookie", " ;;= ; \t" + pair + "\t ; "}}) == CookieState::valid);
  CHECK(state({{"cookie", "a=1"}, {"accept", "*/*"}, {"cookie", pair}}) == CookieState::valid);
}

TEST_CASE("cookie: of several with its name the first counts") {
  const TagKeys keys = keys_of({kOld});
  const std::string pair = pair_of(keys);
  CHECK(read(keys, {{"cookie", pair + "; ringside=x"}}).state == CookieState::valid);
  CHECK(read(keys, {{"cookie", "ringside=x; " + pair}}).state == CookieState::invalid);
  CHECK(read(keys, {{"cookie", "ringside=x"}, {"cookie", pair}}).state == CookieState::invalid);
}

TEST_CASE("find_cookie: the value as it came, without the blanks around it") {
  const Fields fields({{"cookie", "a= 1=2 ; b=; =c"}});
  const http::RequestHead head = fields.request(http::Method::get);
  CHECK(find_cookie(head, "a") == "1=2");
  CHECK(find_cookie(head, "b") == "");
  CHECK(find_cookie(head, "c") == std::nullopt);
}

TEST_CASE("without_cookie: all cookies of the name go, the others stay as they came") {
  CHECK(without("ringside=x").empty());
  CHECK(without("ringside=x; ringside=y;").empty());
  CHECK(without(" ringside = x ").empty());
  CHECK(without("ringside=x; a=1") == "a=1");
  CHECK(without("a=1; ringside=x") == "a=1");
  CHECK(without("a=1; ringside=x; b=\"2\"; c") == "a=1; b=\"2\"; c");
  CHECK(without("a=1;ringside=x;b==2==") == "a=1; b==2==");
  CHECK(without("app=x; ringside=y", "app") == "ringside=y");
}

TEST_CASE("without_cookie: a value without the cookie is the same view") {
  for (const std::string_view value :
       {"", ";", "a=1;b=2 ;; c", "xringside=1", "ringside", "a=ringside=1", "Ringside=1"}) {
    std::string scratch;
    CHECK(without_cookie(value, "ringside", scratch).data() == value.data());
    CHECK(without_cookie(value, "ringside", scratch) == value);
  }
}

TEST_CASE("cookie: hostile fields are read without harm, and nothing of the cookie is left") {
  const TagKeys keys = keys_of({kOld});
  constexpr std::string_view kPieces[] = {"ringside", "=",  ";", " ",    "\t",
                                          "a",        "\"", ",", "\xff", std::string_view("\0", 1)};
  Random random(13);
  for (int round = 0; round < 20'000; ++round) {
    std::string value;
    for (std::uint32_t n = random.below(24); n > 0; --n) value += kPieces[random.below(10)];
    CHECK(read(keys, {{"cookie", value}}).state != CookieState::valid);
    const std::string rest = without(value);
    CHECK(read(keys, {{"cookie", rest}}).state == CookieState::absent);
    CHECK(rest.size() <= value.size() + value.size());
  }
  const std::string many(60'000, ';');
  CHECK(read(keys, {{"cookie", many + pair_of(keys)}}).state == CookieState::valid);
  CHECK(without(many + "ringside=x").empty());
}

}  // namespace
}  // namespace ringside::session
