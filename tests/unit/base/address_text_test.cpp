#include "base/address_text.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace ringside;

namespace {

template <class T>
std::string fault_of(const Result<T, Complaint>& result) {
  return result ? "none" : result.error().problem + "; " + result.error().remedy;
}

}  // namespace

TEST_CASE("address_text: a place to listen is an IP address or localhost, and a port") {
  CHECK(listen_address("127.0.0.1:8080").value().text() == "127.0.0.1:8080");
  CHECK(listen_address("[::1]:0").value().text() == "[::1]:0");
  CHECK(listen_address("LocalHost:80").value().text() == "127.0.0.1:80");
  for (const auto* text :
       {"", ":", ":80", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "example.com:80", "::1:80", "[::1]", "256.0.0.1:80", "http://127.0.0.1:80", "*:80"}) {
    INFO(text);
    CHECK_FALSE(listen_address(text).has_value());
  }
}

TEST_CASE("address_text: a place of a pod may have a name; equal places come out equal") {
  CHECK(upstream_address("10.0.1.5:3000").value() == "10.0.1.5:3000");
  CHECK(upstream_address("[FD00:0::5]:3000").value() == "[fd00::5]:3000");
  CHECK(upstream_address("Burger-0.Burger:3000").value() == "burger-0.burger:3000");
  for (const auto* text : {"", ":80", "pod", "pod:0", "pod:65536", "po d:80", "http://pod:80",
                           "fd00::5:80", "10.0.0.300:80", "10.0.0:80", "[pod]:80/"}) {
    INFO(text);
    CHECK_FALSE(upstream_address(text).has_value());
  }
}

TEST_CASE("address_text: what is wrong comes with what would be right") {
  CHECK(fault_of(upstream_address("fd00::5:80")) ==
        "\"fd00::5:80\" is no HOST:PORT; put an IPv6 address in brackets, such as [::1]:8080");
  CHECK(fault_of(upstream_address("pod:0")) ==
        "\"pod:0\" has port 0; give the pod's port, 1 to 65535");
}

TEST_CASE("address_text: quotes show control characters and cut long text") {
  CHECK(in_quotes("a\nb") == "\"a\\x0ab\"");
  CHECK(in_quotes(std::string(60, 'x')) == "\"" + std::string(60, 'x') + "\"");
  CHECK(in_quotes(std::string(100, 'x')) == "\"" + std::string(60, 'x') + "...\"");
  CHECK(in_quotes(std::string(59, 'x') + "\xc3\xa9x") == "\"" + std::string(59, 'x') + "...\"");
}
