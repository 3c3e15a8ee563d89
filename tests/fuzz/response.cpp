// Responses: parsed, written anew, and parsed again.
//
// Input      What an endpoint sends on a connection until it closes it; to a GET or a HEAD.
// Invariants Where the bytes are cut makes no difference. What is written for a response that was
//            taken is exactly one response, with the same status, body and end-to-end fields, to a
//            client of HTTP/1.1 and to one of 1.0.
#include "http/writer.h"
#include "message.h"
#include "record.h"

namespace ringside::fuzz {
namespace {

using Kind = http::Framing::Kind;

constexpr std::size_t kLimit = 4096;  // as record.h has it
constexpr std::size_t kRoom = 256 * 1024;
constexpr std::size_t kFieldsMost = 240;  // the proxy adds some

// Keeps the first message and writes it as the relay does.
class Rewrite : public http::ResponseSink {
 public:
  Rewrite(http::Method answered, bool client_is_1_1)
      : answered_(answered), client_is_1_1_(client_is_1_1) {}

  bool on_response_head(const http::ResponseHead& head) override {
    status = head.status;
    reason = head.reason;
    came_with = head.framing;
    fields = pairs_of(head.fields);
    shape_.framing = head.framing;
    const bool length_is_known = came_with.kind == Kind::length || came_with.kind == Kind::none;
    if (!length_is_known) shape_.framing.kind = client_is_1_1_ ? Kind::chunked : Kind::until_close;
    shape_.close = !head.keep_alive;
    shape_.bodiless = answered_ == http::Method::head || status == 304;
    if (status >= 200) {
      http::write_response_head(written, head, shape_);
    } else {
      http::write_response_head(written, head, {});
    }
    head_size = written.size();
    return true;
  }
  bool on_response_body(std::string_view bytes) override {
    body += bytes;
    const bool chunked = shape_.framing.kind == Kind::chunked;
    if (chunked) http::write_chunk_size(written, bytes.size());
    written += bytes;
    if (chunked) written += http::kChunkEnd;
    return true;
  }
  void on_response_trailers(std::span<const http::Field> trailers) override {
    if (shape_.framing.kind != Kind::chunked) return;
    http::write_last_chunk(written, trailers);
    ended_ = true;
  }
  void end() {
    if (shape_.framing.kind == Kind::chunked && !ended_) http::write_last_chunk(written, {});
  }

  unsigned status = 0;
  std::string reason, body, written;
  http::Framing came_with;
  Pairs fields;
  std::size_t head_size = 0;

 private:
  http::Method answered_;
  bool client_is_1_1_;
  http::ResponseShape shape_;
  bool ended_ = false;
};

// Parses exactly one response, or nothing. The connection ends behind the bytes.
bool parse(std::string_view bytes, http::Method answered, std::size_t limit, Rewrite& into,
           std::size_t& consumed) {
  http::ParseScratch scratch;
  http::ResponseParser parser(scratch, limit);
  parser.expect_response_to(answered, false);
  const http::Fed fed = parser.feed(bytes, into);
  consumed = fed.consumed;
  const bool went_on = fed.status == http::Fed::Status::more;
  if (fed.status != http::Fed::Status::complete && !(went_on && parser.finish())) return false;
  into.end();
  return true;
}

void check_splits(std::string_view input, http::Method answered, Random& random) {
  http::Feeder cut(false, answered);
  for (const std::string_view piece : pieces_of(input, random)) cut.feed(piece);
  cut.close();
  const std::string whole = http::responses_in({input}, answered, true);
  const std::string_view one = without_kind(whole);
  const std::string_view other = without_kind(cut.text());
  // a read that ends behind a line of HTTP/0.9 is refused there; one that goes on is cut off
  const std::size_t end = one.rfind("cut off");
  const bool is_told_sooner = end != std::string_view::npos &&
                              other.substr(0, end) == one.substr(0, end) &&
                              other.substr(std::min(end, other.size())).starts_with("fault");
  check(one == other || is_told_sooner, "cuts make no difference", {whole, cut.text()});
}

void check_rewrite(std::string_view input, http::Method answered, bool client_is_1_1) {
  Rewrite sent(answered, client_is_1_1);
  std::size_t consumed = 0;
  if (!parse(input, answered, kLimit, sent, consumed) || sent.fields.size() > kFieldsMost) return;
  Rewrite arrived(answered, true);
  check(parse(sent.written, answered, kRoom, arrived, consumed), "what is written is a response",
        {sent.written});
  check_bytes(sent.written.substr(0, sent.head_size), sent.written);
  check(consumed == sent.written.size(), "it is one response", {sent.written});
  check(arrived.status == sent.status && arrived.reason == sent.reason, "the status stays",
        {sent.written});
  check(arrived.body == sent.body, "the body stays", {sent.written});
  check(
      count(arrived.fields, "transfer-encoding") <= 1 &&
          count(arrived.fields, "content-length") <= 1 &&
          count(arrived.fields, "transfer-encoding") * count(arrived.fields, "content-length") == 0,
      "one framing field at most", {sent.written});
  const bool has_body = answered != http::Method::head && sent.status >= 200 &&
                        sent.status != 204 && sent.status != 304;
  check(sent.came_with.kind != Kind::length || !has_body ||
            (arrived.came_with.kind == Kind::length &&
             arrived.came_with.length == sent.came_with.length),
        "a length stays a length", {sent.written});
  check_fields(sent.fields, arrived.fields, sent.written);
}

}  // namespace
}  // namespace ringside::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringside::fuzz;
  using ringside::http::Method;
  const std::string_view input = as_text(data, size);
  auto random = random_for(input);
  const Method answered = random.below(4) == 0 ? Method::head : Method::get;
  check_splits(input, answered, random);
  check_rewrite(input, answered, random.below(4) != 0);
  return 0;
}
