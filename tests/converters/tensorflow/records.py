"""What real TensorFlow makes of record files; a program of its own, so that it may live in another environment.

    python records.py read  < {"paths": [...], "kinds": {key: kind}}   the records by parse_single_example
    python records.py write < {"path": ..., "records": [{key: [kind, values]}]}   a file by TFRecordWriter
    python records.py count < {"paths": [...]}   good records of each file, and how its reading ended

Kinds are bytes, float, int64 and none (a feature that holds no list). Bytes travel in hexadecimal, a float as the
integer that its 32 bits are, so that nothing is rounded on the way.
"""

import json
import os
import struct
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import tensorflow as tf

TYPES = {"bytes": tf.string, "float": tf.float32, "int64": tf.int64}


def told(values):
    values = tf.sparse.to_dense(values) if isinstance(values, tf.SparseTensor) else values
    array = values.numpy()
    if values.dtype == tf.string:
        return [each.hex() for each in array.reshape(-1).tolist()]
    return (array.view("uint32") if values.dtype == tf.float32 else array).reshape(-1).tolist()


def read(asked):
    features = {key: tf.io.VarLenFeature(TYPES[kind]) for key, kind in asked["kinds"].items()}
    found = []
    for record in tf.data.TFRecordDataset(asked["paths"]):
        parsed = tf.io.parse_single_example(record, features)
        whole = tf.train.Example.FromString(record.numpy()).features.feature
        kinds = {key: feature.WhichOneof("kind") for key, feature in whole.items()}
        found.append({"features": {key: told(values) for key, values in parsed.items()}, "kinds": kinds})
    return found


def feature(kind, values):
    match kind:
        case "bytes":
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=map(bytes.fromhex, values)))
        case "float":
            floats = [struct.unpack("<f", struct.pack("<I", bits))[0] for bits in values]
            return tf.train.Feature(float_list=tf.train.FloatList(value=floats))
        case "int64":
            return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Feature()


def write(asked):
    with tf.io.TFRecordWriter(asked["path"]) as writer:
        for record in asked["records"]:
            features = tf.train.Features(feature={key: feature(*given) for key, given in record.items()})
            writer.write(tf.train.Example(features=features).SerializeToString())


def count(asked):
    found = []
    for path in asked["paths"]:
        good, end = 0, "end"
        try:
            for _ in tf.data.TFRecordDataset([path]):
                good += 1
        except tf.errors.DataLossError:
            end = "damaged"
        found.append([good, end])
    return found


if __name__ == "__main__":
    answer = {"read": read, "write": write, "count": count}[sys.argv[1]](json.load(sys.stdin))
    json.dump({"version": tf.__version__, "answer": answer}, sys.stdout)
