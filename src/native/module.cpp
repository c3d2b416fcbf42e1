// Python's view of the kernels: arrays in, the interpreter's lock released while they work.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "spec.hpp"

namespace nb = nanobind;

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

using Array = nb::ndarray<nb::c_contig, nb::device::cpu>;
using Words = nb::ndarray<const std::int32_t, nb::c_contig, nb::device::cpu>;

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
    Program(Index features, Index outputs, std::vector<std::int32_t> widths, int activation,
            int norm, int loss, int family, std::uint32_t uses, Index batch, Index targets,
            std::vector<std::int32_t> column, Index columns, bool bytes, bool twice,
            const std::string& instruction_set)
        : widths_(std::move(widths)), column_(std::move(column)) {
        if (column_.size() != NUMBERS) throw std::invalid_argument("column");
        spec_ = {features, outputs, Index(widths_.size()), widths_.data(), Activation(activation),
                 Norm(norm), Loss(loss), Family(family), uses, batch, targets, column_.data(),
                 columns, bytes};
        for (const Choice& one : choices())
            if (instruction_set == one.name)
                kernels_ = twice ? &one.kernels->double_precision : &one.kernels->single_precision;
        if (!kernels_) throw std::invalid_argument("instruction_set");
    }

    std::size_t memory() const { return kernels_->memory(spec_); }

    // Advance every slot whose first batch has rows by `steps` steps; see kohort.engine.train.Chunk.
    void train(Array params, Array state, Array x, Array y, Array weight, Words rows, Array pace,
               Array numbers, Words units, nb::ndarray<const std::uint32_t, nb::c_contig> seed,
               Words first, Index steps, Array losses) const {
        const Index slots = Index(params.shape(0)), most = Index(pace.shape(1));
        nb::gil_scoped_release released;
        for (Index slot = 0; slot < slots; slot++) {
            const std::int32_t* own_rows = rows.data() + slot * most;
            if (!own_rows[0]) continue;
            const Member member{part(params, slot), part(state, slot), part(numbers, slot),
                                units.data() + slot * spec_.hidden, seed.data()[slot],
                                first.data()[slot]};
            const Chunk chunk{part(x, slot), part(y, slot), part(weight, slot), own_rows,
                              part(pace, slot), part(losses, slot), steps};
            kernels_->train(spec_, member, chunk);
        }
    }

    // Sums of the first `count` slots that `slots` names; see kohort.engine.evaluate.
    void judge(Array params, Words slots, Index count, Array x, Array y, Array weight, Index real,
               Array numbers, Words units, Array sums) const {
        nb::gil_scoped_release released;
        for (Index i = 0; i < count; i++) {
            const Index slot = slots.data()[i];
            const Member member{part(params, slot), nullptr, part(numbers, slot),
                                units.data() + slot * spec_.hidden, 0, 0};
            const Table table{x.data(), y.data(), weight.data(), real};
            kernels_->judge(spec_, member, table, part(sums, slot));
        }
    }

    void predict(Array params, Array x, Index real, Array numbers, Words units,
                 Array outputs) const {
        nb::gil_scoped_release released;
        const Member member{params.data(), nullptr, numbers.data(), units.data(), 0, 0};
        kernels_->predict(spec_, member, {x.data(), nullptr, nullptr, real}, outputs.data());
    }

    void sample(Array params, Array x, Array numbers, Words units, std::uint32_t seed,
                std::int32_t position, Index block, Array outputs) const {
        nb::gil_scoped_release released;
        const Member member{params.data(), nullptr, numbers.data(), units.data(), seed, 0};
        const Sampling sampling{seed, position, Index(outputs.shape(0)), block};
        kernels_->sample(spec_, member, {x.data(), nullptr, nullptr, Index(x.shape(0))}, sampling,
                         outputs.data());
    }

   private:
    // A slot's part of an array whose first axis is that of slots.
    void* part(const Array& array, Index slot) const {
        Index entries = 1;
        for (std::size_t axis = 1; axis < array.ndim(); axis++) entries *= Index(array.shape(axis));
        return static_cast<char*>(array.data()) + slot * entries * Index(array.itemsize());
    }

    std::vector<std::int32_t> widths_, column_;
    Spec spec_;
    const Kernels* kernels_ = nullptr;
};

}  // namespace
}  // namespace kohort

NB_MODULE(_native, module) {
    module.doc() = "Kernels for dense networks on a CPU; see kohort.engine.compilers.native.";
    nb::set_leak_warnings(false);  // A session keeps its programs until the process ends.
    module.def("instruction_sets", &kohort::names,
               "Names of those that this processor has, the best one first.");
    nb::class_<kohort::Program>(module, "Program",
                                "A network of dense layers, and what trains, judges and predicts it.")
        .def(nb::init<kohort::Index, kohort::Index, std::vector<std::int32_t>, int, int, int, int,
                      std::uint32_t, kohort::Index, kohort::Index, std::vector<std::int32_t>,
                      kohort::Index, bool, bool, const std::string&>(),
             nb::arg("features"), nb::arg("outputs"), nb::arg("widths"), nb::arg("activation"),
             nb::arg("norm"), nb::arg("loss"), nb::arg("family"), nb::arg("uses"), nb::arg("batch"),
             nb::arg("targets"), nb::arg("column"), nb::arg("columns"), nb::arg("bytes"),
             nb::arg("twice"), nb::arg("instruction_set"))
        .def("memory", &kohort::Program::memory, "Bytes that training takes beside its arguments.")
        .def("train", &kohort::Program::train, "Advance members by a chunk of steps, in place.")
        .def("judge", &kohort::Program::judge, "Sums of losses and of hits over a table, and penalties.")
        .def("predict", &kohort::Program::predict, "Outputs for a table.")
        .def("sample", &kohort::Program::sample, "Outputs of several passes with dropout left on.");
}
