// What the kernels do for one member.
#pragma once

#include "reader.hpp"
#include "trainer.hpp"

namespace KOHORT_ISA {

template <class T>
std::size_t memory(const Spec& spec) {
    std::vector<std::int32_t> units;
    for (Index l = 0; l < spec.hidden; l++) units.push_back(spec.layers[l].width);
    return Trainer<T>(spec, {nullptr, nullptr, nullptr, units.data(), 0, 0}).bytes();
}

template <class T>
void train(const Spec& spec, const Member& member, const Chunk& chunk) {
    Trainer<T>(spec, member).run(chunk);
}

template <class T>
void judge(const Spec& spec, const Member& member, const Table& table, void* sums) {
    Reader<T>(spec, member, MOST_BLOCK).judge(table, static_cast<T*>(sums));
}

template <class T>
void predict(const Spec& spec, const Member& member, const Table& table, void* outputs) {
    Reader<T> reader(spec, member, MOST_BLOCK);
    for (Index start = 0; start < table.rows; start += MOST_BLOCK)
        reader.outputs(table, start, {Reader<T>::rest(table.rows, start)},
                       static_cast<T*>(outputs) + start * spec.outputs);
}

template <class T>
void sample(const Spec& spec, const Member& member, const Table& table, const Sampling& sampling,
            void* outputs) {
    Reader<T> reader(spec, member, sampling.block);
    for (Index start = 0, number = 0; start < table.rows; start += sampling.block, number++)
        for (Index index = 0; index < sampling.passes; index++) {
            Pass how{Reader<T>::rest(table.rows, start, sampling.block)};
            how.drops = true;
            how.seed = mix(sampling.seed + std::uint32_t(sampling.position + number));
            how.step = std::int32_t(index), how.batch = sampling.block;
            reader.outputs(table, start, how,
                           static_cast<T*>(outputs) +
                               (index * table.rows + start) * spec.outputs);
        }
}

}  // namespace KOHORT_ISA
