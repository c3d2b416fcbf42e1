// Python's view of the kernels: arrays in, the interpreter's lock released while they work.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "arrays.hpp"

#define KOHORT_DECLARE(isa) \
    namespace isa {         \
    const kohort::Precisions& kernels(); \
    }
KOHORT_DECLARE(baseline)
#if defined(KOHORT_X86)
KOHORT_DECLARE(avx2)
KOHORT_DECLARE(avx512)
#endif

namespace kohort {
namespace {

struct Choice {
    const char* name;
    const Precisions* kernels;
};

// Instruction sets that this processor has, the best one first.
std::vector<Choice> choices() {
    std::vector<Choice> found;
#if defined(KOHORT_X86)
    __builtin_cpu_init();
    const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi2");
    const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl");
    if (v4) found.push_back({"avx512", &avx512::kernels()});
    if (v3) found.push_back({"avx2", &avx2::kernels()});
#endif
    found.push_back({"baseline", &baseline::kernels()});
    return found;
}

std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const Choice& one : choices()) found.push_back(one.name);
    return found;
}

// What a network is, kept between calls.
class Program {
   public:
    Program(Index features, Index outputs, const std::vector<std::int32_t>& layers,
            bool standardised, int loss, int family, std::uint32_t uses, Index batch,
            Index targets, std::vector<std::int32_t> column, Index columns, int input_stream,
            std::vector<std::int32_t> places, std::vector<std::int32_t> scalar_places,
            std::vector<std::int32_t> state_places, Index trees, bool state_in_params,
            const std::vector<std::int32_t>& metrics, Index params_size, Index state_size,
            bool bytes, bool twice, const std::string& instruction_set)
        : layers_(structs<LayerSpec>(layers, "layers")),
          metrics_(structs<MetricSpec>(metrics, "metrics")), column_(std::move(column)),
          places_(std::move(places)), scalar_places_(std::move(scalar_places)),
          state_places_(std::move(state_places)) {
        if (column_.size() != NUMBERS) throw std::invalid_argument("column");
        if (layers_.empty()) throw std::invalid_argument("layers");
        if (scalar_places_.size() > 2) throw std::invalid_argument("scalar_places");
        spec_.features = features, spec_.outputs = outputs;
        spec_.hidden = Index(layers_.size()) - 1, spec_.layers = layers_.data();
        spec_.standardised = standardised;
        spec_.loss = Loss(loss), spec_.family = Family(family), spec_.uses = uses;
        spec_.batch = batch, spec_.targets = targets;
        spec_.column = column_.data(), spec_.columns = columns;
        spec_.input_stream = input_stream, spec_.places = places_.data();
        spec_.scalar_places = scalar_places_.data(), spec_.scalars = Index(scalar_places_.size());
        spec_.state_places = state_places_.data(), spec_.trees = trees;
        spec_.state_in_params = state_in_params;
        spec_.metrics = metrics_.data(), spec_.metric_count = Index(metrics_.size());
        spec_.bytes = bytes;
        for (const Choice& one : choices())
            if (instruction_set == one.name)
                kernels_ = twice ? &one.kernels->double_precision : &one.kernels->single_precision;
        if (!kernels_) throw std::invalid_argument("instruction_set");
        params_size_ = params_size, state_size_ = state_size;
        type_ = twice ? nb::dtype<double>() : nb::dtype<float>();
    }

    Program(const Program&) = delete;

    std::size_t memory() const { return kernels_->memory(spec_); }

    // Advance a member by the batches into which the visited rows fall, the last one partial.
    void train(Written params, Written state, Given x, Given y, std::optional<Given> weight,
               Given order, bool ready, Given pace, Given numbers, Given units, std::uint32_t seed,
               std::int32_t first, Written losses) const {
        const Index visited = Index(order.size()), rows = length(y);
        const Index steps = (visited + spec_.batch - 1) / spec_.batch;
        const Member member = member_of(entries(params, "params", type_, {params_size_}),
                                        entries(state, "state", type_, {state_size_}), numbers,
                                        units, seed, first);
        const Chunk chunk{features(x, ready ? visited : rows),
                          entries(y, "y", type_, {ANY, spec_.targets}),
                          weight ? entries<double>(*weight, "weight", {rows}) : nullptr,
                          entries<std::int64_t>(order, "order", {ANY}),
                          visited,
                          ready,
                          entries(pace, "pace", type_, {steps, kohort::PACE}),
                          entries(losses, "losses", type_, {steps})};
        for (Index i = 0; i < visited; i++)
            if (chunk.order[i] < 0 || chunk.order[i] >= rows)
                throw nb::value_error("order must hold numbers of rows of y");
        nb::gil_scoped_release released;
        kernels_->train(spec_, member, chunk);
    }

    // Sums of a member over the first `real` rows of a table; see kohort.engine.evaluate.
    void judge(Given params, Given x, Given y, Given weight, Index real, Given numbers, Given units,
               Written sums) const {
        const Member member = member_of(params, numbers, units, 0);
        const Index rows = length(y);
        const Table table{features(x, rows), entries(y, "y", type_, {rows, spec_.targets}),
                          entries(weight, "weight", type_, {rows}), within(real, rows)};
        void* found = entries(sums, "sums", type_, {2 + 2 * spec_.metric_count});
        nb::gil_scoped_release released;
        kernels_->judge(spec_, member, table, found);
    }

    void predict(Given params, Given x, Index real, Given numbers, Given units,
                 Written outputs) const {
        const Member member = member_of(params, numbers, units, 0);
        const Index rows = length(x);
        const Table table{features(x, rows), nullptr, nullptr, within(real, rows)};
        void* found = entries(outputs, "outputs", type_, {rows, spec_.outputs});
        nb::gil_scoped_release released;
        kernels_->predict(spec_, member, table, found);
    }

    void sample(Given params, Given x, Given numbers, Given units, std::uint32_t seed,
                std::int32_t position, Index block, Written outputs) const {
        const Member member = member_of(params, numbers, units, seed);
        const Index rows = length(x), passes = length(outputs);
        const Table table{features(x, rows), nullptr, nullptr, rows};
        void* found = entries(outputs, "outputs", type_, {passes, rows, spec_.outputs});
        if (block < 1) throw nb::value_error("block must be at least 1");
        nb::gil_scoped_release released;
        kernels_->sample(spec_, member, table, {seed, position, passes, block}, found);
    }

   private:
    template <class Array>
    static Index length(const Array& array) {
        return array.ndim() ? Index(array.shape(0)) : 0;
    }

    static Index within(Index real, Index rows) {
        if (real < 0 || real > rows) throw nb::value_error("real must be at most the table's rows");
        return real;
    }

    const void* features(const Given& x, Index rows) const {
        const auto type = spec_.bytes ? nb::dtype<std::uint8_t>() : type_;
        return entries(x, "x", type, {rows, spec_.features});
    }

    Member member_of(void* params, void* state, const Given& numbers, const Given& units,
                     std::uint32_t seed, std::int32_t first) const {
        const auto* real = entries<std::int32_t>(units, "units", {spec_.hidden});
        for (Index l = 0; l < spec_.hidden; l++)
            if (real[l] < 1 || real[l] > layers_[std::size_t(l)].width)
                throw nb::value_error("units must lie between 1 and the widths");
        return {params, state, entries(numbers, "numbers", type_, {spec_.columns}), real, seed,
                first};
    }

    // A member that only passes, whose variables are not written.
    Member member_of(const Given& params, const Given& numbers, const Given& units,
                     std::uint32_t seed) const {
        const void* variables = entries(params, "params", type_, {params_size_});
        return member_of(const_cast<void*>(variables), nullptr, numbers, units, seed, 0);
    }

    // Structures of integers from a list of all their fields.
    template <class Struct>
    static std::vector<Struct> structs(const std::vector<std::int32_t>& fields, const char* name) {
        constexpr std::size_t each = sizeof(Struct) / sizeof(std::int32_t);
        if (fields.size() % each) throw std::invalid_argument(name);
        std::vector<Struct> found(fields.size() / each);
        if (!fields.empty())  // memcpy takes no null pointer, not even for nothing.
            std::memcpy(found.data(), fields.data(), fields.size() * sizeof(std::int32_t));
        return found;
    }

    std::vector<LayerSpec> layers_;
    std::vector<MetricSpec> metrics_;
    std::vector<std::int32_t> column_, places_, scalar_places_, state_places_;
    Spec spec_{};
    const Kernels* kernels_ = nullptr;
    Index params_size_ = 0, state_size_ = 0;
    nb::dlpack::dtype type_;
};

}  // namespace
}  // namespace kohort

NB_MODULE(_native, module) {
    namespace nb = nanobind;
    module.doc() = "Kernels for dense networks on a CPU; see kohort.engine.compilers.native.";
    nb::set_leak_warnings(false);  // A session keeps its programs until the process ends.
    module.def("instruction_sets", &kohort::names,
               "Names of those that this processor has, the best one first.");
    nb::class_<kohort::Program>(module, "Program",
                                "A network of dense layers, and what trains, judges and predicts it.")
        .def(nb::init<kohort::Index, kohort::Index, const std::vector<std::int32_t>&, bool, int, int,
                      std::uint32_t, kohort::Index, kohort::Index, std::vector<std::int32_t>,
                      kohort::Index, int, std::vector<std::int32_t>, std::vector<std::int32_t>,
                      std::vector<std::int32_t>, kohort::Index, bool,
                      const std::vector<std::int32_t>&, kohort::Index, kohort::Index, bool, bool,
                      const std::string&>(),
             nb::kw_only(), nb::arg("features"), nb::arg("outputs"), nb::arg("layers"),
             nb::arg("standardised"), nb::arg("loss"), nb::arg("family"), nb::arg("uses"),
             nb::arg("batch"), nb::arg("targets"), nb::arg("column"), nb::arg("columns"),
             nb::arg("input_stream"), nb::arg("places"), nb::arg("scalar_places"),
             nb::arg("state_places"), nb::arg("trees"), nb::arg("state_in_params"),
             nb::arg("metrics"), nb::arg("params_size"), nb::arg("state_size"), nb::arg("bytes"), nb::arg("twice"), nb::arg("instruction_set"))
        .def("memory", &kohort::Program::memory, "Bytes that training takes beside its arguments.")
        .def("train", &kohort::Program::train, nb::arg("params"), nb::arg("state"), nb::arg("x"),
             nb::arg("y"), nb::arg("weight").none(), nb::arg("order"), nb::arg("ready"),
             nb::arg("pace"), nb::arg("numbers"), nb::arg("units"), nb::arg("seed"),
             nb::arg("first"), nb::arg("losses"),
             "Advance a member by a chunk of steps, in place.")
        .def("judge", &kohort::Program::judge, "Sums of losses over a table, the penalty, totals and counts of metrics.")
        .def("predict", &kohort::Program::predict, "Outputs for a table.")
        .def("sample", &kohort::Program::sample, "Outputs of several passes with dropout left on.");
}
