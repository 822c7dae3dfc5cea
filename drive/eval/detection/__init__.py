"""nuScenes' detection benchmark: mAP, true-positive errors and NDS, submission files, and whole data sets scored by them."""
