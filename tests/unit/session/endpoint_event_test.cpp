// Numbers in names are the cases of the session rules that a test covers.
#include "session/endpoint_event.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>

#include "base/random.h"

namespace ringside::session {
namespace {

std::optional<std::string> id_in(std::string_view target) {
  const auto found = session_parameter(target);
  if (!found) return std::nullopt;
  CHECK(target.substr(found->raw_at, found->raw.size()) == found->raw);
  CHECK(found->raw.data() == target.data() + found->raw_at);
  return std::string(found->id());
}

TEST_CASE("session parameter: as each SDK spells it (69, 70)") {
  CHECK(id_in("/messages/?session_id=0af1") == "0af1");  // Python
  CHECK(id_in("/messages?sessionId=1d-2e") == "1d-2e");  // TypeScript, Java
  CHECK(id_in("/sse?sessionid=MZXW6") == "MZXW6");       // Go
  CHECK(id_in("message?sessionId=q-_w") == "q-_w");      // C#
  CHECK(id_in("/m?SESSION_ID=a") == "a");
  CHECK(id_in("/m?__session__id_=a") == "a");
  CHECK(id_in("/m?session%5Fid=a") == "a");
  CHECK(id_in("/m?%53essionId=a") == "a");
}

TEST_CASE("session parameter: other parameters and names do not matter (70)") {
  CHECK(id_in("/m?a=b&sessionId=x&sessionIdx=y&c") == "x");
  CHECK(id_in("/m?sessionId=x=y?z") == "x=y?z");
  CHECK(id_in("/m?sessionId=x#sessionId=y") == "x");
  CHECK(id_in("/sessionId=a?session=b") == std::nullopt);
  for (const std::string_view target :
       {"", "/m", "/m?", "/m?session=a", "/m?sessioni=a", "/m?sessionid2=a", "/m?xsessionid=a",
        "/m?session-id=a", "/m?_=a", "/m?=a", "/m#?sessionId=a", "/m?session%zzid=a"}) {
    INFO(target);
    CHECK_FALSE(id_in(target));
  }
}

TEST_CASE("session parameter: escapes are decoded, a plus stays (70)") {
  CHECK(id_in("/m?sessionId=a%2Fb%3d%3D") == "a/b==");
  CHECK(id_in("/m?sessionId=a+b") == "a+b");
  CHECK(id_in("/m?sessionId=a%2Bb") == "a+b");
  CHECK(id_in("/m?sessionId=%2541") == "%41");
}

TEST_CASE("session parameter: one that is not exactly one well-formed id is none") {
  for (const std::string_view target :
       {"/m?sessionId", "/m?sessionId=", "/m?sessionId=a&sessionId=a",
        "/m?sessionId=a&session_id=b", "/m?sessionId=&sessionId=a", "/m?sessionId=a&%73essionId=b",
        "/m?sessionId=a%20b", "/m?sessionId=%00", "/m?sessionId=a%0d%0ab", "/m?sessionId=%7F",
        "/m?sessionId=%C3%A9", "/m?sessionId=\xC3\xA9", "/m?sessionId=a b", "/m?sessionId=a%",
        "/m?sessionId=%zz"}) {
    INFO(target);
    CHECK_FALSE(id_in(target));
  }
}

TEST_CASE("session parameter: 4096 bytes are enough for an id") {
  const std::string begin = "/m?sessionId=";
  std::string escaped;
  for (std::size_t i = 0; i < kSessionParameterBytes; ++i) escaped += "%61";
  const std::string id(kSessionParameterBytes, 'a');
  CHECK(id_in(begin + id) == id);
  CHECK(id_in(begin + escaped) == id);
  CHECK_FALSE(id_in(begin + id + "a"));
  CHECK_FALSE(id_in(begin + escaped + "%61"));
}

TEST_CASE("session parameter: without escapes nothing is copied") {
  const std::string target = "/m?sessionId=" + std::string(100, 'a');
  const auto found = session_parameter(target);
  REQUIRE(found);
  CHECK(found->decoded.empty());
  CHECK(found->id().data() == target.data() + 13);
}

TEST_CASE("endpoint event: the raw value can be replaced in place") {
  std::string data = "https://a.example/base/messages?x=1&sessionId=a%2Fb&y=2";
  const auto event = read_endpoint_event(data);
  REQUIRE(event);
  CHECK(event->session.id() == "a/b");
  data.replace(event->session.raw_at, event->session.raw.size(), "new");
  CHECK(data == "https://a.example/base/messages?x=1&sessionId=new&y=2");
}

TEST_CASE("endpoint event: a URL that names a host is absolute") {
  const auto is_absolute = [](std::string_view url) {
    return read_endpoint_event(std::string(url) + "?sessionId=a")->is_absolute;
  };
  for (const std::string_view url : {"http://a.example/m", "HTTPS://a/m", "a+b-c.1:x", "//a/m"}) {
    INFO(url);
    CHECK(is_absolute(url));
  }
  for (const std::string_view url : {"/m", "m", "", "/a:b", "./a:b", ":a", "1a:b", "a_b:c"}) {
    INFO(url);
    CHECK_FALSE(is_absolute(url));
  }
  CHECK_FALSE(read_endpoint_event("/m?u=http://a&sessionId=b")->is_absolute);
}

TEST_CASE("endpoint event: without a session it says nothing") {
  CHECK_FALSE(read_endpoint_event(""));
  CHECK_FALSE(read_endpoint_event("http://a.example/m"));
  CHECK_FALSE(read_endpoint_event("/m?sessionId=a&session_id=b"));
}

TEST_CASE("session parameter: an id found is always visible, whatever the bytes") {
  Random random(11);
  constexpr std::array<std::string_view, 12> kPieces{
      "?", "&", "=", "#", "%", "41", "sessionId", "session_id=", "a", "%20", "%41", "\x80"};
  int found = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string target = "/m?";
    for (std::uint32_t left = random.below(8); left > 0; --left) {
      target += kPieces[random.below(kPieces.size())];
    }
    const auto id = id_in(target);
    if (!id) continue;
    ++found;
    if (id->empty() || id->find_first_of("\x80 #&") != std::string::npos) FAIL(target);
  }
  CHECK(found > 1000);
}

}  // namespace
}  // namespace ringside::session
