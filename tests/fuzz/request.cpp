// Requests: parsed, written anew, and parsed again.
//
// Input      What a client sends on a connection.
// Invariants Where the bytes are cut makes no difference. What is written for a request that was
//            taken is exactly one request, with the same method, target, authority, body,
//            trailers and end-to-end fields, and one framing.
#include "http/head_text.h"
#include "http/writer.h"
#include "message.h"
#include "record.h"

namespace ringside::fuzz {
namespace {

constexpr std::size_t kLimit = 4096;  // as record.h has it
constexpr std::size_t kRoom = 256 * 1024;
constexpr std::size_t kFieldsMost = 240;  // the proxy adds some

// Keeps the first message and writes it as the relay does.
class Rewrite : public http::RequestSink {
 public:
  explicit Rewrite(bool trusts) : trusts_(trusts) {}

  bool on_request_head(const http::RequestHead& head) override {
    if (head.too_large) return false;
    method = head.method_text;
    target = head.target;
    authority = head.authority;
    framing = head.framing;
    fields = pairs_of(head.fields);
    http::write_request_head(written, head,
                             {.peer = "192.0.2.7", .protocol = "http", .peer_is_trusted = trusts_});
    head_size = written.size();
    return true;
  }
  bool on_request_body(std::string_view bytes) override {
    body += bytes;
    const bool chunked = framing.kind == http::Framing::Kind::chunked;
    if (chunked) http::write_chunk_size(written, bytes.size());
    written += bytes;
    if (chunked) written += http::kChunkEnd;
    return true;
  }
  void on_request_trailers(std::span<const http::Field> given) override {
    trailers = pairs_of(given);
    http::write_last_chunk(written, given);
    ended_ = true;
  }
  void end() {
    if (framing.kind == http::Framing::Kind::chunked && !ended_) {
      http::write_last_chunk(written, {});
    }
  }

  std::string method, target, authority, body, written;
  http::Framing framing;
  Pairs fields, trailers;
  std::size_t head_size = 0;

 private:
  bool trusts_;
  bool ended_ = false;
};

// Parses exactly one request, or nothing.
bool parse(std::string_view bytes, std::size_t limit, Rewrite& into, std::size_t& consumed) {
  http::ParseScratch scratch;
  http::RequestParser parser(scratch, limit);
  const http::Fed fed = parser.feed(bytes, into);
  consumed = fed.consumed;
  if (fed.status != http::Fed::Status::complete) return false;
  into.end();
  return true;
}

void check_splits(std::string_view input, Random& random) {
  http::Feeder cut(true, http::Method::post);
  for (const std::string_view piece : pieces_of(input, random)) cut.feed(piece);
  const std::string whole = http::requests_in({input});
  const std::string_view one = without_kind(whole);
  const std::string_view other = without_kind(cut.text());
  // a read that ends behind a line without a version is HTTP/0.9; one that goes on may tell later
  const bool is_told_sooner = other.starts_with(one) && other.ends_with("fault");
  check(one == other || is_told_sooner, "cuts make no difference", {whole, cut.text()});
}

void check_framing(const Rewrite& sent, const Rewrite& arrived) {
  using Kind = http::Framing::Kind;
  check(sent.framing.kind == arrived.framing.kind && sent.framing.length == arrived.framing.length,
        "the framing stays", {sent.written});
  check(count(arrived.fields, "content-length") == (sent.framing.kind == Kind::length ? 1U : 0U) &&
            count(arrived.fields, "transfer-encoding") ==
                (sent.framing.kind == Kind::chunked ? 1U : 0U),
        "one framing field, or none", {sent.written});
  check(count(arrived.fields, "host") == 1, "one Host", {sent.written});
}

void check_trailers(const Pairs& sent, const Pairs& arrived, std::string_view written) {
  for (const auto& field : arrived) {
    check(std::ranges::find(sent, field) != sent.end(), "no trailer is made up", {written});
    check(!never_passes(field.first) &&
              !is_one_of(field.first, {"host", "content-length", "transfer-encoding",
                                       "mcp-session-id", "x-forwarded-for", "forwarded"}),
          "no trailer frames or routes", {written});
  }
}

// A session id in a head that is written already is replaced, and nothing else.
void check_replace(const Rewrite& sent) {
  std::string message = sent.written;
  std::size_t head_size = sent.head_size;
  http::replace_field(message, head_size, "mcp-session-id", "another");
  Rewrite changed(false);
  std::size_t consumed = 0;
  check(parse(message, kRoom, changed, consumed) && consumed == message.size(),
        "with a field replaced it is one request still", {message});
  check(http::field_value(std::string_view(message).substr(0, head_size), "MCP-Session-Id") ==
            (count(sent.fields, "mcp-session-id") > 0 ? "another" : ""),
        "the field has its new value", {message});
  check(changed.body == sent.body && changed.fields.size() >= 1, "the body stays", {message});
}

void check_rewrite(std::string_view input, bool trusts) {
  Rewrite sent(trusts);
  std::size_t consumed = 0;
  if (!parse(input, kLimit, sent, consumed) || sent.fields.size() > kFieldsMost) return;
  // HTTP/1.0 without a Host is given an empty one (RFC 9112, 3.2); no client may send that.
  if (sent.authority.empty()) return;
  Rewrite arrived(trusts);
  check(parse(sent.written, kRoom, arrived, consumed), "what is written is a request",
        {sent.written});
  check_bytes(sent.written.substr(0, sent.head_size), sent.written);
  check(consumed == sent.written.size(), "it is one request", {sent.written});
  check(arrived.method == sent.method && arrived.target == sent.target, "method and target stay",
        {sent.written});
  check(arrived.authority == sent.authority, "the authority stays", {sent.written});
  check(arrived.body == sent.body, "the body stays", {sent.written});
  check_framing(sent, arrived);
  check_fields(sent.fields, arrived.fields, sent.written);
  check_trailers(sent.trailers, arrived.trailers, sent.written);
  check(http::field_value(sent.written, "x-forwarded-for").ends_with("192.0.2.7"),
        "the peer comes last in X-Forwarded-For", {sent.written});
  check(trusts || count(arrived.fields, "forwarded") == 0, "Forwarded is believed of nobody",
        {sent.written});
  check_replace(sent);
}

}  // namespace
}  // namespace ringside::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringside::fuzz;
  const std::string_view input = as_text(data, size);
  auto random = random_for(input);
  check_splits(input, random);
  check_rewrite(input, random.below(2) == 0);
  return 0;
}
