// Micro benchmarks of what every exchange does in user mode: parse and write heads, look a session
// up, find an owner on the ring.
//
// Use      bench_micro [--small] [WORD]      prints a line a benchmark: nanoseconds an operation
//          WORD picks those that have it in their name, as for a profile of one. --small is for
//          the ordinary test run: it shows that they still work, no more.
// Method   The best of several batches, since whatever disturbs a batch makes it slower. What the
//          operations return is summed up and printed, so that none can be optimised away.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/parser.h"
#include "http/writer.h"
#include "session/table.h"
#include "upstream/hash_ring.h"

namespace {

using namespace ringside;

constexpr std::string_view kRequest =
    "POST /mcp HTTP/1.1\r\nHost: mcp.example:8080\r\nContent-Type: application/json\r\n"
    "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-06-18\r\n"
    "Mcp-Session-Id: 1868a90c-9c0d-4f6e-8a57-0b1f7d1c2e3f\r\nUser-Agent: node\r\n"
    "Accept-Encoding: gzip, deflate\r\nContent-Length: 60\r\n\r\n"
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/list\",\"params\":{}}    ";

constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
    "mcp-session-id: 1868a90c-9c0d-4f6e-8a57-0b1f7d1c2e3f\r\n"
    "Date: Mon, 01 Jan 2029 00:00:00 GMT\r\nConnection: keep-alive\r\n"
    "Keep-Alive: timeout=5\r\ncontent-length: 52\r\n\r\n"
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"tools\":[]}}        ";

// Writes each head anew, as the relay does; without a buffer it only counts.
struct Sink : http::RequestSink, http::ResponseSink {
  std::string* out = nullptr;
  std::size_t seen = 0;

  bool on_request_head(const http::RequestHead& head) override {
    if (out != nullptr) http::write_request_head(*out, head, {"10.0.0.7", "http", false});
    seen += head.fields.size();
    return true;
  }
  bool on_request_body(std::string_view bytes) override { return take(bytes); }
  void on_request_trailers(std::span<const http::Field>) override {}
  bool on_response_head(const http::ResponseHead& head) override {
    if (out != nullptr) http::write_response_head(*out, head, {.framing = head.framing});
    seen += head.fields.size();
    return true;
  }
  bool on_response_body(std::string_view bytes) override { return take(bytes); }
  void on_response_trailers(std::span<const http::Field>) override {}

 private:
  bool take(std::string_view bytes) {
    seen += bytes.size();
    return true;
  }
};

std::uint64_t checksum = 0;
bool small = false;
std::string_view wanted;

template <class Operation>
void bench(const char* name, Operation operation) {
  using Clock = std::chrono::steady_clock;
  if (std::string_view(name).find(wanted) == std::string_view::npos) return;
  const int batches = small ? 2 : 40;
  const int size = small ? 200 : 10000;
  double best = 1e9;
  for (int batch = 0; batch < batches; ++batch) {
    const auto began = Clock::now();
    for (int i = 0; i < size; ++i) checksum += operation(static_cast<std::uint64_t>(i));
    const std::chrono::duration<double, std::nano> took = Clock::now() - began;
    best = std::min(best, took.count() / size);
  }
  std::printf("%-44s %8.1f ns\n", name, best);
}

void bench_heads() {
  http::ParseScratch scratch;
  http::RequestParser requests(scratch, 65536);
  http::ResponseParser responses(scratch, 65536);
  responses.expect_response_to(http::Method::post, false);
  Sink sink;
  std::string out;
  bench("request: parse", [&](auto) { return requests.feed(kRequest, sink).consumed; });
  bench("response: parse", [&](auto) { return responses.feed(kResponse, sink).consumed; });
  sink.out = &out;
  bench("request: parse, write the head", [&](auto) {
    out.clear();
    return requests.feed(kRequest, sink).consumed + out.size();
  });
  bench("response: parse, write the head", [&](auto) {
    out.clear();
    return responses.feed(kResponse, sink).consumed + out.size();
  });
  checksum += sink.seen;
}

void bench_table() {
  session::Table table({}, {}, 7);
  std::vector<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back("1868a90c-9c0d-4f6e-8a57-" + std::to_string(i));
  const Time now{};
  for (const auto& id : ids) {
    (void)table.learn(table.key_of(id), {.owner = 1}, {}, now, [](auto) { return true; });
  }
  bench("session: hash the id", [&](auto i) { return table.key_of(ids[i % 1000]).hash.low; });
  bench("session: hash the id, use the binding (1,000)",
        [&](auto i) { return table.use(table.key_of(ids[i * 7 % 1000]), now).binding.owner; });
}

void bench_ring() {
  const std::vector<std::string> names = {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"};
  std::vector<upstream::HashRing::Member> members;
  for (const auto& name : names) members.push_back({name, 1});
  const upstream::HashRing ring(members, {});
  bench("ring: owner of a key among 3 endpoints", [&](auto i) {
    const auto hash = ring.hash_of({reinterpret_cast<const char*>(&i), sizeof i});
    return ring.walk(hash, [](auto) { return true; });
  });
  bench("ring: build for 3 endpoints",
        [&](auto) { return upstream::HashRing(members, {}).points()[0].hash; });
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--small") {
      small = true;
    } else {
      wanted = argv[i];
    }
  }
  bench_heads();
  bench_table();
  bench_ring();
  std::printf("checksum %016llx\n", static_cast<unsigned long long>(checksum));
}
